package result_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fivegate/fivegate/gate/result"
	"github.com/fivegate/fivegate/gate/result/resulttest"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the JSON Schema in docs")

var schemaFile = filepath.Join("..", "..", "docs", "result.schema.json")

func TestSchemaFileIsCurrent(t *testing.T) {
	want, err := result.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(schemaFile), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types say; run go test ./gate/result -update", schemaFile)
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := result.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertContent()
	c.AssertFormat()
	if err := c.AddResource("result.schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("result.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func checkSchema(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(instance)
}

func TestWrittenDocumentsMatchTheSchema(t *testing.T) {
	schema := compiledSchema(t)
	full := smallCheck()
	full.Slices[0].Conditions = map[string]string{"threads": "32"}
	full.Plan.Limits = result.Limits{P99S: 0.1, ErrorRateSet: true}
	full.Provenance.Repository.Dirty = true
	full.Launches[0].Events[0].Detail = "1000 nodes"
	for name, d := range map[string]*result.Document{
		"check":    smallCheck(),
		"full":     full,
		"zero":     {Schema: result.Schema, Kind: result.KindRun, Plan: result.Plan{Mode: result.ModeSolo}, Outcome: result.Outcome{Ended: result.RunFailed}},
		"identity": resulttest.Check(resulttest.Options{Blocks: 1, Rounds: 1, Probes: -1}),
	} {
		if err := checkSchema(t, schema, written(t, d)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaAndReadAgree checks that what the schema refuses, Read refuses.
func TestSchemaAndReadAgree(t *testing.T) {
	schema := compiledSchema(t)
	text := string(written(t, smallCheck()))
	for _, c := range []struct{ old, new string }{
		{`"outcome":{`, `"outcome":{"colour":1,`},
		{`"phase":"open",`, ``},
		{`"phase":"open"`, `"phase":"ajar"`},
		{`"mode":"duet"`, `"mode":"duel"`},
		{`"ended":"stopped"`, `"ended":"bored"`},
		{`"ended":"complete"`, `"ended":"bored"`},
		{`"kind":"check"`, `"kind":"cheque"`},
		{`"sent":30`, `"sent":null`},
		{`"sent":30`, `"sent":"30"`},
		{`"sent":30`, `"sent":30.5`},
		{`"seed":"7"`, `"seed":7`},
		{`"looks":[1,2]`, `"looks":[null,2]`},
		{`"started_at":"2026-`, `"started_at":"26-`},
		{`"response":"`, `"response":"*`},
		{`"packed":"`, `"packed":"*`},
		{`fivegate/result/v1`, `fivegate/result/v2`},
	} {
		changed := strings.Replace(text, c.old, c.new, 1)
		if changed == text {
			t.Errorf("the document has no %s", c.old)
			continue
		}
		if err := checkSchema(t, schema, []byte(changed)); err == nil {
			t.Errorf("the schema allows %s", c.new)
		}
		if _, err := result.Read(strings.NewReader(changed)); err == nil {
			t.Errorf("Read allows %s", c.new)
		}
	}
}
