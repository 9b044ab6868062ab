package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhereTheGatewayIsWatchedFromIsThisMachineOrEncrypted(t *testing.T) {
	for line, good := range map[string]bool{
		"dashboard: off": true, "dashboard: 127.0.0.1:0": true, "dashboard: '[::1]:3001'": true,
		"dashboard: 0.0.0.0:3001": false, "dashboard: ':3001'": false, "dashboard: '3001'": false, "dashboard: on": false, "dashboard: ''": false,
		"telemetry: {otlp: off}": true, "telemetry: {otlp: env}": true, "telemetry: {otlp: http://127.0.0.1:4318}": true, "telemetry: {otlp: https://otlp.example/base}": true,
		"telemetry: {otlp: http://otlp.example}": false, "telemetry: {otlp: https://me:topsecret@otlp.example}": false, "telemetry: {otlp: https://metadata.google.internal}": false,
		"telemetry: {otlp: 127.0.0.1:4317}": false, "telemetry: {otlp: ''}": false, "telemetry: {interval: 1ms}": false, "telemetry: {traces: false, metrics: false, interval: 15s}": true, "telemetry: {scrape: false}": true, "telemetry: {scrape: perhaps}": false,
	} {
		file := filepath.Join(t.TempDir(), "prism.yaml")
		writeFile(t, file, line+"\n")
		_, err := LoadSettings(LoadOptions{File: file, Env: testEnv()})
		if (err == nil) != good {
			t.Errorf("%s: %v", line, err)
		}
		var problems Problems
		if errors.As(err, &problems) && (strings.Contains(problems.Text(), "topsecret") || !strings.Contains(problems.Text(), "fix:")) {
			t.Errorf("%s: %s", line, problems.Text())
		}
	}
}
