{{- define "kro.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kro.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "kro.selectorLabels" -}}
app.kubernetes.io/name: {{ include "kro.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kro.labels" -}}
{{ include "kro.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: controller
app.kubernetes.io/part-of: kro
{{- if .Values.metadata.includeHelmChart }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- if .Values.metadata.includeManagedBy }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- with .Values.additionalLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kro.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "kro.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "kro.featureGates" -}}
{{- $gates := list }}
{{- range $name, $on := .Values.config.featureGates }}
{{- $gates = append $gates (printf "%s=%t" $name $on) }}
{{- end }}
{{- join "," $gates }}
{{- end }}

{{- /* Flags by the names under which the program finds them in its environment, so that deployment.extraEnv can set others. */}}
{{- define "kro.settings" -}}
{{- with .Values.config -}}
KRO_INSTALL_CRDS: {{ .installCRDs | quote }}
KRO_ALLOW_CRD_DELETION: {{ .allowCRDDeletion | quote }}
KRO_METRICS_BIND_ADDRESS: {{ .metricsBindAddress | quote }}
{{- with .metricsCertPath }}
KRO_METRICS_CERT_PATH: {{ . | quote }}
{{- end }}
KRO_HEALTH_PROBE_BIND_ADDRESS: {{ .healthProbeBindAddress | quote }}
KRO_DEBUG: {{ .debug | quote }}
KRO_LEADER_ELECT: {{ .enableLeaderElection | quote }}
{{- if .enableLeaderElection }}
KRO_LEADER_ELECTION_NAMESPACE: {{ .leaderElectionNamespace | default $.Release.Namespace | quote }}
KRO_LEADER_ELECTION_LEASE_DURATION: {{ .leaderElectionLeaseDuration | quote }}
KRO_LEADER_ELECTION_RENEW_DEADLINE: {{ .leaderElectionRenewDeadline | quote }}
KRO_LEADER_ELECTION_RETRY_PERIOD: {{ .leaderElectionRetryPeriod | quote }}
KRO_ENABLE_CONTROLLER_WARMUP: {{ .enableControllerWarmup | quote }}
{{- end }}
KRO_GRACEFUL_SHUTDOWN_TIMEOUT: {{ .gracefulShutdownTimeout | quote }}
KRO_RESOURCE_GRAPH_DEFINITION_CONCURRENT_RECONCILES: {{ int64 .resourceGraphDefinitionConcurrentReconciles | quote }}
KRO_GRAPH_REVISION_CONCURRENT_RECONCILES: {{ int64 .graphRevisionConcurrentReconciles | quote }}
KRO_DYNAMIC_CONTROLLER_CONCURRENT_RECONCILES: {{ int64 .dynamicControllerConcurrentReconciles | quote }}
KRO_RGD_PROGRESS_REQUEUE_DELAY: {{ .resourceGraphDefinitionProgressRequeueDelay | quote }}
KRO_DYNAMIC_CONTROLLER_DEFAULT_RESYNC_PERIOD: {{ int64 .dynamicControllerDefaultResyncPeriod | quote }}
KRO_DYNAMIC_CONTROLLER_DEFAULT_QUEUE_MAX_RETRIES: {{ int64 .dynamicControllerDefaultQueueMaxRetries | quote }}
KRO_DYNAMIC_CONTROLLER_RATE_LIMITER_MIN_DELAY: {{ .dynamicControllerRateLimiterMinDelay | quote }}
KRO_DYNAMIC_CONTROLLER_RATE_LIMITER_MAX_DELAY: {{ .dynamicControllerRateLimiterMaxDelay | quote }}
KRO_DYNAMIC_CONTROLLER_RATE_LIMITER_RATE_LIMIT: {{ int64 .dynamicControllerRateLimiterRateLimit | quote }}
KRO_DYNAMIC_CONTROLLER_RATE_LIMITER_BURST_LIMIT: {{ int64 .dynamicControllerRateLimiterBurstLimit | quote }}
KRO_RESOURCE_GROUP_NAMESPACES: {{ .resourceGroupNamespaces | default "-" | quote }}
KRO_CLIENT_QPS: {{ .clientQps | quote }}
KRO_CLIENT_BURST: {{ int64 .clientBurst | quote }}
KRO_RGD_MAX_COLLECTION_SIZE: {{ int64 .rgd.maxCollectionSize | quote }}
KRO_RGD_MAX_COLLECTION_DIMENSION_SIZE: {{ int64 .rgd.maxCollectionDimensionSize | quote }}
KRO_RGD_MAX_GRAPH_REVISIONS: {{ int64 .rgd.maxGraphRevisions | quote }}
KRO_INSTANCE_REQUEUE_INTERVAL: {{ .instance.requeueInterval | quote }}
KRO_ZAP_DEVEL: {{ .development | quote }}
KRO_ZAP_LOG_LEVEL: {{ .logLevel | quote }}
KRO_ZAP_ENCODER: {{ .logEncoder | quote }}
{{- end }}
{{- with include "kro.featureGates" . }}
KRO_FEATURE_GATES: {{ . | quote }}
{{- end }}
{{- end }}

{{- /* The whole seconds of a duration as Go writes it, rounded up. */}}
{{- define "kro.seconds" -}}
{{- $seconds := 0.0 }}
{{- range regexFindAll "[0-9]+([.][0-9]+)?(ns|us|ms|s|m|h)" . -1 }}
{{- $unit := get (dict "ns" 1e-9 "us" 1e-6 "ms" 1e-3 "s" 1.0 "m" 60.0 "h" 3600.0) (regexFind "[a-z]+$" .) }}
{{- $seconds = addf $seconds (mulf (regexFind "^[0-9.]+" . | float64) $unit) }}
{{- end }}
{{- ceil $seconds | int64 }}
{{- end }}

{{- /* Longer than a stop may take, so that the kubelet does not cut it short. A negative timeout leaves it to the kubelet. */}}
{{- define "kro.terminationGracePeriodSeconds" -}}
{{- $timeout := .Values.config.gracefulShutdownTimeout }}
{{- $seconds := include "kro.seconds" $timeout | int64 }}
{{- if hasPrefix "-" $timeout }}{{ $seconds = 0 }}{{ end }}
{{- $given := .Values.deployment.terminationGracePeriodSeconds }}
{{- if kindIs "invalid" $given }}
{{- max 70 (add $seconds 10) }}
{{- else if lt (int64 $given) $seconds }}
{{- fail (printf "deployment.terminationGracePeriodSeconds %d is less than config.gracefulShutdownTimeout %s: the kubelet would kill before the stop is over" (int64 $given) $timeout) }}
{{- else }}
{{- int64 $given }}
{{- end }}
{{- end }}
