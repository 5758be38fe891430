{{- define "ecs-operator.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ecs-operator.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{- define "ecs-operator.serviceAccount" -}}
{{- default (include "ecs-operator.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "ecs-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ecs-operator.labels" -}}
{{ include "ecs-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Rights that the operator requires to start. A test compares all rights in this file with the program's own lists. */}}
{{- define "ecs-operator.rules" -}}
- apiGroups: [ecs-operator.dev]
  resources: [clusters, capacityproviders, taskdefinitions, services]
  verbs: [list, watch]
- apiGroups: [ecs-operator.dev]
  resources: [clusters/status, capacityproviders/status, taskdefinitions/status, services/status, services/scale]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments, daemonsets]
  verbs: [list, watch, patch, create, delete]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [list, watch, create, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, patch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: [list, watch, patch, create, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch, patch, create, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch, patch, create, delete]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [list, watch, patch, create, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}

{{/* Rights of optional features, on objects in namespaces. */}}
{{- define "ecs-operator.externalSecretRules" -}}
- apiGroups: [external-secrets.io]
  resources: [externalsecrets]
  verbs: [list, watch, patch, create, delete]
{{- end -}}

{{- define "ecs-operator.volumeClaimRules" -}}
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [list, watch, patch, create, delete]
{{- end -}}

{{- define "ecs-operator.targetGroupBindingRules" -}}
- apiGroups: [elbv2.k8s.aws]
  resources: [targetgroupbindings]
  verbs: [list, watch, patch, create, delete]
{{- end -}}

{{- define "ecs-operator.gatewayRouteRules" -}}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, grpcroutes, tcproutes]
  verbs: [list, watch, patch, create, delete]
{{- end -}}

{{- define "ecs-operator.securityGroupPolicyRules" -}}
- apiGroups: [vpcresources.k8s.aws]
  resources: [securitygrouppolicies]
  verbs: [list, watch, patch, create, delete]
{{- end -}}

{{- define "ecs-operator.scaledObjectRules" -}}
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [list, watch, patch, create, delete]
{{- end -}}

{{- define "ecs-operator.podMetricsRules" -}}
- apiGroups: [metrics.k8s.io]
  resources: [pods]
  verbs: [list]
{{- end -}}

{{- define "ecs-operator.externalMetricsRules" -}}
- apiGroups: [external.metrics.k8s.io]
  resources: ["*"]
  verbs: [list]
{{- end -}}

{{/* Rights of optional features, on objects outside of namespaces. */}}
{{- define "ecs-operator.volumeRules" -}}
- apiGroups: [""]
  resources: [persistentvolumes]
  verbs: [list, watch, patch, create, delete]
- apiGroups: [storage.k8s.io]
  resources: [csidrivers]
  verbs: [get]
{{- end -}}

{{- define "ecs-operator.nodeRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch, patch]
{{- end -}}
