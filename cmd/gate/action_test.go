package main

import (
	"os"
	"slices"
	"testing"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

// actionInputs are the inputs of action.yml.
func actionInputs(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs map[string]any `yaml:"inputs"`
	}
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range action.Inputs {
		names = append(names, name)
	}
	return names
}

// The inputs of the action that are no flags, and why.
var inputsWithoutFlag = map[string]string{
	"mode":              "chooses the verb",
	"install":           "is about how gate gets there",
	"version":           "is about how gate gets there",
	"working-directory": "is where gate is started",
	"fail-on":           "is about the step, not about the verdict",
	"token":             "is given by the environment: arguments can be read by every process",
	"results":           "are the arguments of gate publish",
}

// The flags of check and publish that are no inputs, and why.
var flagsWithoutInput = map[string]string{
	"check --plan":      "measures nothing",
	"check --json":      "the action reads verdict.json",
	"check --prior":     "names the files of an earlier job, which a job has not got",
	"publish --json":    "the action always asks for it",
	"publish --dry-run": "is for looking at it by hand",
	"publish --event":   "is what the runner says",
	"publish --api-url": "is what the runner says",
}

// The action and the command line say the same, by the same names.
func TestActionInputsAreFlags(t *testing.T) {
	inputs, flags := actionInputs(t), map[string]bool{}
	for _, verb := range []string{"check", "publish"} {
		cmd, _, err := newRootCommand().Find([]string{verb})
		if err != nil || cmd.Name() != verb {
			t.Fatalf("there is no verb %s: %v", verb, err)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			flags[f.Name] = true
			_, excepted := flagsWithoutInput[verb+" --"+f.Name]
			if slices.Contains(inputs, f.Name) == excepted {
				t.Errorf("gate %s --%s: is an input of action.yml: %v; is excepted here: %v", verb, f.Name, !excepted, excepted)
			}
		})
	}
	for _, name := range inputs {
		if _, excepted := inputsWithoutFlag[name]; flags[name] == excepted {
			t.Errorf("input %s of action.yml: is a flag: %v; is excepted here: %v", name, flags[name], excepted)
		}
	}
}
