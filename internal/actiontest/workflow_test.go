package actiontest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// document is a workflow or an action, as far as the policies look at it.
type document struct {
	name string
	root *yaml.Node // the top mapping

	workflow workflow
	action   action
}

type workflow struct {
	Name        string         `yaml:"name"`
	On          yaml.Node      `yaml:"on"`
	Permissions yaml.Node      `yaml:"permissions"`
	Concurrency yaml.Node      `yaml:"concurrency"`
	Jobs        map[string]job `yaml:"jobs"`
}

type job struct {
	Name           string    `yaml:"name"`
	If             string    `yaml:"if"`
	Needs          list      `yaml:"needs"`
	RunsOn         list      `yaml:"runs-on"`
	TimeoutMinutes int       `yaml:"timeout-minutes"`
	Permissions    yaml.Node `yaml:"permissions"`
	Container      yaml.Node `yaml:"container"`
	Services       yaml.Node `yaml:"services"`
	Steps          []step    `yaml:"steps"`
}

type step struct {
	ID    string            `yaml:"id"`
	Name  string            `yaml:"name"`
	If    string            `yaml:"if"`
	Uses  yaml.Node         `yaml:"uses"`
	Run   string            `yaml:"run"`
	Shell string            `yaml:"shell"`
	With  map[string]string `yaml:"with"`
	Env   map[string]string `yaml:"env"`
}

type action struct {
	Name        string            `yaml:"name"`
	Description string            `yaml:"description"`
	Branding    map[string]string `yaml:"branding"`
	Inputs      map[string]input  `yaml:"inputs"`
	Outputs     map[string]struct {
		Description string `yaml:"description"`
		Value       string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Using string `yaml:"using"`
		Steps []step `yaml:"steps"`
	} `yaml:"runs"`
}

type input struct {
	Description string  `yaml:"description"`
	Required    *bool   `yaml:"required"`
	Default     *string `yaml:"default"`
}

// list is a text or a list of texts.
type list []string

func (l *list) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = list{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}

// parse reads a workflow or an action.
func parse(name, text string) (*document, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: not a mapping", name)
	}
	d := &document{name: name, root: root.Content[0]}
	into := any(&d.workflow)
	if d.isAction() {
		into = &d.action
	}
	if err := d.root.Decode(into); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

func (d *document) isAction() bool { return child(d.root, "runs") != nil }

// child is the value of a key of a mapping, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// steps are all steps of a document.
func (d *document) steps() []step {
	if d.isAction() {
		return d.action.Runs.Steps
	}
	var steps []step
	for _, name := range slices.Sorted(maps.Keys(d.workflow.Jobs)) {
		steps = append(steps, d.workflow.Jobs[name].Steps...)
	}
	return steps
}

// triggers are the events of a workflow.
func (d *document) triggers() []string {
	on := d.workflow.On
	switch on.Kind {
	case yaml.ScalarNode:
		return []string{on.Value}
	case yaml.MappingNode:
		var names []string
		for i := 0; i < len(on.Content); i += 2 {
			names = append(names, on.Content[i].Value)
		}
		return names
	}
	var names []string
	for _, n := range on.Content {
		names = append(names, n.Value)
	}
	return names
}

// walk visits every node below n.
func walk(n *yaml.Node, visit func(*yaml.Node)) {
	visit(n)
	for _, c := range n.Content {
		walk(c, visit)
	}
}

// title is how a step is named in a message.
func (s step) title() string {
	for _, name := range []string{s.Name, s.ID, s.Uses.Value} {
		if name != "" {
			return name
		}
	}
	first, _, _ := strings.Cut(s.Run, "\n")
	return first
}
