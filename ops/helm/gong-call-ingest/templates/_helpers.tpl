{{- define "gong.name" -}}
{{- $name := .Chart.Name -}}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "gong.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "gong.labels" -}}
{{ include "gong.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "gong.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "gong.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "gong.name" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{/* What every pod has in common, as far as it does not hang on its role. */}}
{{- define "gong.pod" -}}
serviceAccountName: {{ include "gong.serviceAccount" . }}
# Nobody here asks the cluster for anything. Roles of a cloud have a token of their own.
automountServiceAccountToken: false
enableServiceLinks: false
# The processes of a pod are waited for by its first one, as by an init.
shareProcessNamespace: true
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "gong.container" -}}
image: {{ include "gong.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
envFrom:
  - configMapRef: {name: {{ include "gong.name" . }}}
{{- end }}

{{/* The variable that names the file of a secret. */}}
{{- define "gong.variable" -}}
{{- $of := dict "redis-url" "GONG_INGEST_REDIS_URL" "access-key" "GONG_ACCESS_KEY" "access-key-secret" "GONG_ACCESS_KEY_SECRET" "access-token" "GONG_ACCESS_TOKEN" "oauth-client-secret" "GONG_OAUTH_CLIENT_SECRET" "oauth-refresh-token" "GONG_OAUTH_REFRESH_TOKEN" "store-key" "GONG_INGEST_STORE_KEY" "media-headers" "GONG_INGEST_MEDIA_HEADERS" "sftp-password" "GONG_INGEST_SFTP_PASSWORD" "azure-connection-string" "AZURE_STORAGE_CONNECTION_STRING" "azure-key" "AZURE_STORAGE_KEY" "webhook-secret" "GONG_INGEST_WEBHOOK_SECRET" "sentinel-password" "GONG_INGEST_REDIS_SENTINEL_PASSWORD" -}}
{{- get $of . }}_FILE
{{- end }}

{{/* Secrets that libraries of other people read from a variable alone. */}}
{{- define "gong.secretVariables" -}}
{{- range $variable, $key := .Values.secretVariables }}
- {name: {{ $variable }}, valueFrom: {secretKeyRef: {{ toJson $key }}}}
{{- end }}
{{- end }}

{{- define "gong.secretVolume" -}}
name: secrets
secret:
  secretName: {{ .root.Values.secret.name }}
  defaultMode: 0440
  items:
  {{- range .keys }}
    - {key: {{ . }}, path: {{ . }}}
  {{- end }}
{{- end }}

{{- define "gong.volumes" -}}
- {{- include "gong.secretVolume" . | nindent 2 }}
- name: scratch
  emptyDir: {sizeLimit: 256Mi}
{{- with .root.Values.redis.tlsSecret }}
- name: redis-tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with (.root.Values.authorities).volume }}
- name: authorities
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "gong.mounts" -}}
- {name: secrets, mountPath: /run/secrets, readOnly: true}
- {name: scratch, mountPath: /tmp}
{{- if .Values.redis.tlsSecret }}
- {name: redis-tls, mountPath: /etc/gong-ingest/redis-tls, readOnly: true}
{{- end }}
{{- if (.Values.authorities).volume }}
- {name: authorities, mountPath: /etc/gong-ingest/authorities, readOnly: true}
{{- end }}
{{- end }}

{{/* Pods start anew when their settings change. The files of secrets are read when a process starts. */}}
{{- define "gong.checksum" -}}
checksum/settings: {{ toJson .Values.settings | sha256sum }}
{{- end }}
