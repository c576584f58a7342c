package main

import (
	"flag"
	"os"

	"k8s.io/klog/v2"
)

// logTo sends what the Kubernetes libraries in this process say to a file: the
// terminal belongs to the ready line and to errors.
func logTo(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("klog", flag.PanicOnError)
	klog.InitFlags(flags)
	for name, value := range map[string]string{"logtostderr": "false", "alsologtostderr": "false", "stderrthreshold": "FATAL"} {
		if err := flags.Set(name, value); err != nil {
			return err
		}
	}
	klog.SetOutput(file)
	return nil
}
