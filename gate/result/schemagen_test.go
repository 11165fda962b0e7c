package result

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"
)

// JSONSchema returns the JSON Schema (draft 2020-12) of the document, generated
// from its types. It knows what may be where, Validate also what is possible.
func JSONSchema() ([]byte, error) {
	reflector := &jsonschema.Reflector{Mapper: schemaOf}
	schema := reflector.Reflect(new(Document))
	schema.ID = "https://github.com/fivegate/fivegate/blob/main/docs/result.schema.json"
	schema.Title = Schema
	schema.Description = "What one measurement produced, and all that is needed to judge it again."
	document, ok := schema.Definitions["Document"]
	if !ok {
		return nil, fmt.Errorf("generate JSON schema: it has no definition of Document")
	}
	if version, ok := document.Properties.Get("schema"); ok {
		version.Const = Schema
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("generate JSON schema: %w", err)
	}
	return append(text, '\n'), nil
}

// schemaOf describes the types whose JSON is not what their fields say, and the
// names of which only some are known. It returns nil for all other types.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Histogram]():
		return base64Schema("latencies in nanoseconds: HdrHistogram, V2 compressed encoding, in base64; lowest value 1, highest 2^42-1, 3 significant digits")
	case reflect.TypeFor[ProbeMatrix]():
		return base64Schema("latencies, round by round, each 0 (not measured) or 1 + 2048*log2(nanoseconds) in 16 bits: all high bytes, then all low bytes, in zlib, in base64")
	case reflect.TypeFor[Kind]():
		return enumSchema(KindCheck, KindRun, KindCompare)
	case reflect.TypeFor[Mode]():
		return enumSchema(ModeDuet, ModeAlternating, ModeSolo, ModeSeparate)
	case reflect.TypeFor[BenchmarkState]():
		return enumSchema(BenchmarkMeasured, BenchmarkIdentical, BenchmarkNew, BenchmarkRemoved, BenchmarkFailedBase, BenchmarkFailedHead, BenchmarkLeftOut)
	case reflect.TypeFor[Better]():
		return enumSchema("", LowerIsBetter, HigherIsBetter)
	case reflect.TypeFor[Phase]():
		return enumSchema(PhaseOpen, PhaseClosed)
	case reflect.TypeFor[Ended]():
		return enumSchema(EndedStopped, EndedCrashed, EndedHung, EndedAborted)
	case reflect.TypeFor[RunEnded]():
		return enumSchema(RunDecided, RunComplete, RunBudget, RunIdentical, RunInterrupted, RunFailed)
	case reflect.TypeFor[uint64](): // always quoted, since many readers of JSON have 53 bits only
		return &jsonschema.Schema{Type: "string", Pattern: "^(0|[1-9][0-9]{0,19})$"}
	default:
		return nil
	}
}

func base64Schema(description string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", ContentEncoding: "base64", Description: description}
}

func enumSchema[T ~string](values ...T) *jsonschema.Schema {
	enum := make([]any, len(values))
	for i, value := range values {
		enum[i] = string(value)
	}
	return &jsonschema.Schema{Type: "string", Enum: enum}
}
