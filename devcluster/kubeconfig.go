package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const kubeconfigHeader = "# Written by devcluster; removed when the cluster ends.\n"

func printKubeconfig(args []string) error {
	flags := flag.NewFlagSet("kubeconfig", flag.ContinueOnError)
	name := clusterFlag(flags)
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	c, err := newCluster(*name)
	if err != nil {
		return err
	}
	path, err := c.kubeconfig()
	if err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// kubeconfig finds the kubeconfig of a running cluster.
func (c cluster) kubeconfig() (string, error) {
	if !c.isRunning() {
		return "", c.notRunning()
	}
	r, err := c.readRecord()
	return r.Kubeconfig, err
}

// writeKubeconfig makes a cluster administrator of whoever can read the file.
// Keys and certificates are inside it, so it can be copied.
func (c cluster) writeKubeconfig(path string, port int) error {
	var files [3][]byte
	for i, name := range []string{caCertFile, adminCertFile, adminKeyFile} {
		data, err := os.ReadFile(c.path(name))
		if err != nil {
			return err
		}
		files[i] = data
	}

	context := "devcluster-" + c.name
	config := clientcmdapi.NewConfig()
	config.Clusters[context] = &clientcmdapi.Cluster{
		Server:                   fmt.Sprintf("https://127.0.0.1:%d", port),
		CertificateAuthorityData: files[0],
	}
	config.AuthInfos[context] = &clientcmdapi.AuthInfo{
		ClientCertificateData: files[1],
		ClientKeyData:         files[2],
	}
	config.Contexts[context] = &clientcmdapi.Context{Cluster: context, AuthInfo: context, Namespace: "default"}
	config.CurrentContext = context
	data, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writeFile(path, append([]byte(kubeconfigHeader), data...))
}

// checkKubeconfigTarget refuses to overwrite a file that somebody else wrote.
func checkKubeconfigTarget(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return nil
	}
	ours, err := isOurKubeconfig(path)
	if err != nil {
		return err
	}
	if !ours {
		return fmt.Errorf("%s: exists and was not written by devcluster; choose another --kubeconfig", path)
	}
	return nil
}

func isOurKubeconfig(path string) (bool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	return bytes.HasPrefix(data, []byte(kubeconfigHeader)), nil
}
