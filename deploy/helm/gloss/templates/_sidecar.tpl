{{- /*
The container that gloss is; in deploy/kubernetes/overlay/sidecar.yaml each line has its reason beside it.
*/ -}}
{{- define "gloss.sidecar" -}}
- name: gloss
  image: "{{ .Values.gloss.image }}:{{ .Values.gloss.tag | default .Chart.AppVersion }}"
  restartPolicy: Always
  env:
    - {name: GLOSS_UPSTREAM, value: "http://127.0.0.1:{{ .Values.upstream.port }}"}
    - {name: GLOSS_LISTEN, value: "0.0.0.0:{{ .Values.gloss.port }}"}
    - {name: GLOSS_LOGS, value: {{ .Values.gloss.logs | quote }}}
    - {name: GLOSS_CONFIG, value: /etc/gloss/gloss.toml}
    - {name: GLOSS_ADMIN, value: "0.0.0.0:{{ .Values.gloss.adminPort }}"}
    - name: GLOSS_ADMIN_TOKEN
      valueFrom:
        secretKeyRef: {name: {{ .Values.gloss.tokenSecret | default (include "gloss.name" .) }}, key: token}
    - {name: GLOSS_ANALYSIS_PROCESS_CHECK, value: "off"}
    {{- with .Values.gloss.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - {containerPort: {{ .Values.gloss.port }}}
    - {containerPort: {{ .Values.gloss.adminPort }}}
  startupProbe:
    httpGet: {path: /readyz, port: {{ .Values.gloss.adminPort }}}
    periodSeconds: 1
    failureThreshold: 30
  readinessProbe:
    httpGet: {path: /readyz, port: {{ .Values.gloss.adminPort }}}
    periodSeconds: 5
  livenessProbe:
    httpGet: {path: /livez, port: {{ .Values.gloss.adminPort }}}
    periodSeconds: 10
    timeoutSeconds: 3
  resources:
    {{- toYaml .Values.gloss.resources | nindent 4 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    readOnlyRootFilesystem: true
    allowPrivilegeEscalation: false
    capabilities: {drop: [ALL]}
    seccompProfile: {type: RuntimeDefault}
  volumeMounts:
    - {name: run-logs, mountPath: /logs, readOnly: true}
    - {name: gloss, mountPath: /etc/gloss, readOnly: true}
{{- end }}
