"""Helm, unmodified, in its standard use against `kro dev`: a chart is installed, upgraded, rolled back, removed.

    python3 test/clients/helm_client.py KRO_PROGRAM
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HELM = pathlib.Path(__file__).parents[2] / "scripts" / "helm"

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "values.yaml": "replicas: 1\nmessage: hello\n",
    "crds/crd.yaml": """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pages.ex.io}
spec:
  group: ex.io
  scope: Namespaced
  names: {plural: pages, kind: Page}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {text: {type: string}}}}}}
""",
    "templates/all.yaml": """apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {message: {{ .Values.message | quote }}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec: {containers: [{name: c, image: "nginx:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec: {selector: {app: {{ .Release.Name }}}, ports: [{port: 80}]}
---
apiVersion: ex.io/v1
kind: Page
metadata: {name: {{ .Release.Name }}}
spec: {text: {{ .Values.message | quote }}}
""",
    "templates/hook.yaml": """apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-hook
  annotations: {"helm.sh/hook": "post-install", "helm.sh/hook-delete-policy": hook-succeeded}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: "busybox"}]}
""",
}


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        chart = pathlib.Path(folder) / "web"
        for name, text in CHART.items():
            (chart / name).parent.mkdir(parents=True, exist_ok=True)
            (chart / name).write_text(text)
        kubeconfig = os.path.join(folder, "kubeconfig")
        environment = dict(os.environ, KUBECONFIG=kubeconfig, HELM_CACHE_HOME=folder,
                           HELM_CONFIG_HOME=folder, HELM_DATA_HOME=folder)

        def helm(*arguments, fails=False):
            ran = subprocess.run([HELM, *arguments], env=environment, capture_output=True, text=True)
            if (ran.returncode != 0) != fails:
                sys.exit(f"helm {' '.join(arguments)}: {ran.returncode}\n{ran.stdout}{ran.stderr}")
            return ran.stdout + ran.stderr

        def shown(part):
            return helm("get", part, "shop")

        helm("version")  # builds it where it is not there yet
        dev = subprocess.Popen([program, "dev", "--kubeconfig", kubeconfig], stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while not os.path.exists(kubeconfig):
                if dev.poll() is not None or time.monotonic() > deadline:
                    sys.exit("kro dev did not start")
                time.sleep(0.01)
            installed = helm("install", "shop", str(chart), "--wait", "--wait-for-jobs", "--timeout=5m")
            assert "STATUS: deployed" in installed, installed
            upgraded = helm("upgrade", "shop", str(chart), "--set=replicas=3,message=bye", "--wait", "--timeout=5m")
            assert "REVISION: 2" in upgraded, upgraded
            assert "message: bye" in shown("values"), shown("values")
            assert 'text: "bye"' in shown("manifest"), shown("manifest")
            # What the server refuses fails the release, and the one before is still there to go back to.
            refused = helm("upgrade", "shop", str(chart), "--set=replicas=-1", fails=True)
            assert "must be greater than or equal to 0" in refused, refused
            helm("rollback", "shop", "1", "--wait", "--timeout=5m")
            history = json.loads(helm("history", "shop", "-o", "json"))
            assert [entry["status"] for entry in history] == ["superseded", "superseded", "failed", "deployed"], history
            assert "message: bye" not in shown("values")
            assert "shop" in helm("list", "-q")
            assert "kind: Page" in helm("template", "other", str(chart), "--validate")
            helm("uninstall", "shop", "--wait", "--timeout=5m")
            assert helm("list", "-q").strip() == ""
            helm("install", "shop", str(chart), "--atomic", "--dry-run=server")
        finally:
            dev.terminate()
            if dev.wait(60) != 0:
                sys.exit("kro dev did not end in order")
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1])
