"""The Python client library of Kubernetes, unmodified, in its standard use against `kro dev`.

    scripts/python-client KRO_PROGRAM
"""
import os
import subprocess
import sys
import tempfile
import time

from kubernetes import client, config, utils, watch
from kubernetes.client.rest import ApiException
from kubernetes.dynamic import DynamicClient


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = os.path.join(folder, "kubeconfig")
        dev = subprocess.Popen([program, "dev", "--kubeconfig", kubeconfig],
                               stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while not os.path.exists(kubeconfig):
                if dev.poll() is not None or time.monotonic() > deadline:
                    sys.exit("kro dev did not start")
                time.sleep(0.01)
            config.load_kube_config(kubeconfig)
            for check in (version, core, deployments, watches, errors, definitions):
                check()
                print(f"{check.__name__}: passed")
        finally:
            dev.terminate()
            if dev.wait(60) != 0:
                sys.exit("kro dev did not end in order")
    print("6 passed, 0 failed")


def version():
    assert client.VersionApi().get_code().major == "1"
    assert "apps" in [group.name for group in client.ApisApi().get_api_versions().groups]


def core():
    v1 = client.CoreV1Api()
    v1.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="python")))
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="a"), data={"k": "1"})
    created = v1.create_namespaced_config_map("python", body)
    created.data["k"] = "2"
    assert v1.replace_namespaced_config_map("a", "python", created).data == {"k": "2"}
    patched = v1.patch_namespaced_config_map("a", "python", {"data": {"more": "3"}})
    assert patched.data == {"k": "2", "more": "3"}
    assert [item.metadata.name for item in
            v1.list_namespaced_config_map("python", field_selector="metadata.name=a").items] == ["a"]
    v1.delete_namespaced_config_map("a", "python")


def deployments():
    utils.create_from_dict(client.ApiClient(), {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
                 "template": {"metadata": {"labels": {"app": "web"}},
                              "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
    apps = client.AppsV1Api()
    until(lambda: apps.read_namespaced_deployment("web", "default").status.available_replicas == 2)
    apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 3}})
    until(lambda: len(client.CoreV1Api().list_namespaced_pod(
        "default", label_selector="app=web").items) == 3)


def watches():
    seen = []
    v1 = client.CoreV1Api()
    version = v1.list_namespaced_config_map("default").metadata.resource_version
    v1.create_namespaced_config_map(
        "default", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="watched")))
    v1.delete_namespaced_config_map("watched", "default")
    stream = watch.Watch()
    for event in stream.stream(v1.list_namespaced_config_map, "default", resource_version=version,
                               timeout_seconds=20):
        seen.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED":
            stream.stop()
    assert seen == [("ADDED", "watched"), ("DELETED", "watched")], seen


def errors():
    try:
        client.CoreV1Api().read_namespaced_config_map("none", "default")
    except ApiException as error:
        assert error.status == 404 and error.reason, error
    else:
        raise AssertionError("expected a 404")


def definitions():
    until(lambda: "resourcegraphdefinitions.kro.run" in [
        crd.metadata.name for crd in
        client.ApiextensionsV1Api().list_custom_resource_definition().items
        if any(c.type == "Established" and c.status == "True" for c in crd.status.conditions or [])])
    dynamic = DynamicClient(client.ApiClient())
    rgds = dynamic.resources.get(api_version="kro.run/v1alpha1", kind="ResourceGraphDefinition")
    rgds.create(body={
        "apiVersion": "kro.run/v1alpha1", "kind": "ResourceGraphDefinition",
        "metadata": {"name": "note"},
        "spec": {"schema": {"apiVersion": "v1alpha1", "kind": "Note", "spec": {"text": "string"}},
                 "resources": [{"id": "map", "template": {
                     "apiVersion": "v1", "kind": "ConfigMap",
                     "metadata": {"name": "${schema.metadata.name}"},
                     "data": {"text": "${schema.spec.text}"}}}]}})
    until(lambda: (rgds.get(name="note").to_dict().get("status") or {}).get("state") == "Active")
    objects = client.CustomObjectsApi()
    objects.create_namespaced_custom_object("kro.run", "v1alpha1", "default", "notes", {
        "apiVersion": "kro.run/v1alpha1", "kind": "Note", "metadata": {"name": "n"},
        "spec": {"text": "hello"}})
    until(lambda: objects.get_namespaced_custom_object(
        "kro.run", "v1alpha1", "default", "notes", "n").get("status", {}).get("state") == "ACTIVE")
    assert client.CoreV1Api().read_namespaced_config_map("n", "default").data["text"] == "hello"


def until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)  # another process decides when


if __name__ == "__main__":
    main(sys.argv[1])
