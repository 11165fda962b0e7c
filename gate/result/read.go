package result

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDocumentSize is the most bytes that a document may have. A check of 10,000
// slices has about a tenth of it.
const maxDocumentSize = 64 << 20

var errTooLarge = fmt.Errorf("document is larger than %d MB: not a result document, or one to be split by blocks", maxDocumentSize>>20)

// ReadFile reads the document in a file, see Read.
func ReadFile(path string) (*Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read result document: %w", err)
	}
	defer f.Close()
	d, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// Read reads a document to the end of r, and validates it.
//
// Reading is strict: members that are unknown, missing or twice there, numbers
// of another kind, data that inflate beyond measure and documents larger than
// 64 MB are errors, and so is whatever Validate finds. An error says where in
// the document the fault is, as a JSON pointer (RFC 6901) such as
// /slices/17/operations/0/response. Nothing is returned beside an error.
//
// Nesting needs no limit of its own: anything deeper than the document's types
// is of the wrong kind, or an unknown member, where it begins.
func Read(r io.Reader) (*Document, error) {
	packed := newUnpacker()
	d := new(Document)
	err := json.UnmarshalRead(&limitedReader{r, maxDocumentSize}, d, readOptions(packed))
	// What was handed over for unpacking comes before the place where reading
	// stopped.
	if unpackErr := packed.finish(); unpackErr != nil {
		return nil, unpackErr
	}
	if err != nil {
		return nil, readError(err)
	}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	return d, nil
}

func readOptions(packed *unpacker) json.Options {
	return json.JoinOptions(
		json.RejectUnknownMembers(true), // of structs that are not listed here, should there ever be some
		json.WithUnmarshalers(json.JoinUnmarshalers(
			structReader(checkSchemaMember),
			structReader[Provenance](nil),
			structReader[Tool](nil),
			structReader[Scenario](nil),
			structReader[Runner](nil),
			structReader[Repository](nil),
			structReader[Plan](nil),
			structReader[Policy](nil),
			structReader[Limits](nil),
			structReader[Calibration](nil),
			structReader[Share](nil),
			structReader[Power](nil),
			structReader[Demotion](nil),
			structReader[Arm](nil),
			structReader[Layout](nil),
			structReader[Launch](nil),
			structReader[Series](nil),
			structReader[Probes](nil),
			structReader[Event](nil),
			structReader[Slice](nil),
			structReader[Operation](nil),
			structReader[Engine](nil),
			structReader[Outcome](nil),
			structReader[Prior](nil),
			packedReader[Histogram](packed),
			packedReader[ProbeMatrix](packed),
			refuseNull[float64](),
			refuseNull[int](),
			refuseNull[int64](),
			refuseNull[string](),
		)),
	)
}

// checkSchemaMember stops reading at a document of another version, before its
// differences look like faults.
func checkSchemaMember(d *Document, member string) error {
	if member == "schema" && d.Schema != Schema {
		return &readFault{"/schema", wrongSchema(d.Schema)}
	}
	return nil
}

func wrongSchema(got string) string {
	return fmt.Sprintf("is %q, need %q: read the document with the version of gate that wrote it", got, Schema)
}

// readError says in this package's words what package json found.
func readError(err error) error {
	var fault *readFault
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.Is(err, errTooLarge):
		return errTooLarge
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &syntactic):
		return fmt.Errorf("%s: not JSON at byte %d: %w; the document is cut or damaged",
			pathOrRoot(string(syntactic.JSONPointer)), syntactic.ByteOffset, syntactic.Err)
	case errors.As(err, &semantic):
		return &readFault{semantic.JSONPointer, semanticMessage(semantic)}
	default:
		return fmt.Errorf("read result document: %w", err)
	}
}

func semanticMessage(e *json.SemanticError) string {
	message := "is " + kindName(e.JSONKind)
	if len(e.JSONValue) > 0 && len(e.JSONValue) < 50 {
		message += " " + string(e.JSONValue)
	}
	if e.GoType != nil {
		message += ", need " + typeName(e.GoType)
	}
	if e.Err != nil {
		message += " (" + e.Err.Error() + ")"
	}
	return message
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number of 0 or more, in a string"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "an array"
	case reflect.Map:
		return "an object"
	default:
		return "a " + t.String()
	}
}

// limitedReader fails, rather than ends, after left bytes.
type limitedReader struct {
	r    io.Reader
	left int
}

func (l *limitedReader) Read(b []byte) (int, error) {
	if l.left < 0 {
		return 0, errTooLarge
	}
	if len(b) > l.left+1 { // one more tells a full document from a larger one
		b = b[:l.left+1]
	}
	n, err := l.r.Read(b)
	if l.left -= n; l.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
