package result

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readFault is what is wrong with a document, and where in it.
type readFault struct {
	path    jsontext.Pointer
	message string
}

func (f *readFault) Error() string { return pathOrRoot(string(f.path)) + ": " + f.message }

// pathOrRoot makes the empty pointer, which is the whole document, visible.
func pathOrRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// structMembers is what structReader knows of a struct.
type structMembers struct {
	byName   map[string]int // position in list
	list     []structMember
	required uint64 // bit i is set when list[i] may not be absent
}

type structMember struct {
	name   string
	field  int
	quoted bool // a number in a string
}

// membersOf reads the json tags of a struct of at most 64 fields, all of which
// are tagged with a name. Whatever may be omitted when writing may be absent
// when reading.
func membersOf(t reflect.Type) *structMembers {
	m := &structMembers{byName: make(map[string]int, t.NumField())}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		m.byName[name] = i
		m.list = append(m.list, structMember{name: name, field: i, quoted: strings.Contains(options, "string")})
		if !strings.Contains(options, "omit") {
			m.required |= 1 << i
		}
	}
	return m
}

// structReader returns the function that reads a T member by member, which adds
// to what package json checks that each is there that has to be. A struct
// without its members is refused where it ends, so that a document cannot take
// much more memory than it has bytes. After each member it calls check, which
// may be nil.
func structReader[T any](check func(v *T, member string) error) *json.Unmarshalers {
	members := membersOf(reflect.TypeFor[T]())
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *T) error {
		if kind := dec.PeekKind(); kind != '{' {
			return wrongKind(dec, "an object")
		}
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		fields := reflect.ValueOf(v).Elem()
		var seen uint64
		for dec.PeekKind() == '"' {
			member, err := members.next(dec)
			if err != nil {
				return err
			}
			if err := readMember(dec, fields.Field(member.field), member.quoted); err != nil {
				return err
			}
			seen |= 1 << member.field
			if check != nil {
				if err := check(v, member.name); err != nil {
					return err
				}
			}
		}
		if _, err := dec.ReadToken(); err != nil { // the closing brace
			return err
		}
		return members.checkPresent(dec, seen)
	})
}

// next reads the name of a member.
func (m *structMembers) next(dec *jsontext.Decoder) (structMember, error) {
	quoted, err := dec.ReadValue()
	if err != nil {
		return structMember{}, err
	}
	if i, ok := m.byName[string(quoted[1:len(quoted)-1])]; ok {
		return m.list[i], nil
	}
	name, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return structMember{}, err
	}
	if i, ok := m.byName[string(name)]; ok {
		return m.list[i], nil
	}
	return structMember{}, &readFault{
		dec.StackPointer(),
		fmt.Sprintf("unknown member: %s has none of this name; remove it, or read the document with the version of gate that wrote it", Schema),
	}
}

// checkPresent is called just after the object; the path is then the object's.
func (m *structMembers) checkPresent(dec *jsontext.Decoder, seen uint64) error {
	missing := m.required &^ seen
	if missing == 0 {
		return nil
	}
	var names []string
	for i, member := range m.list {
		if missing&(1<<i) != 0 {
			names = append(names, member.name)
		}
	}
	return &readFault{dec.StackPointer(), "lacks " + strings.Join(names, ", ") + "; the document is cut or was written by other means than gate"}
}

// readMember reads the value of a member into its field.
func readMember(dec *jsontext.Decoder, field reflect.Value, quoted bool) error {
	if dec.PeekKind() == 'n' {
		return wrongKind(dec, "a value; leave out what is not known")
	}
	if quoted {
		return json.UnmarshalDecode(dec, field.Addr().Interface(), json.StringifyNumbers(true))
	}
	return json.UnmarshalDecode(dec, field.Addr().Interface())
}

// wrongKind says that the next value is not what is wanted. The value is read,
// so that the path is its own.
func wrongKind(dec *jsontext.Decoder, want string) error {
	kind := dec.PeekKind()
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	path := dec.StackPointer()
	return &readFault{path, "is " + kindName(kind) + ", need " + want}
}

// refuseNull is for elements of arrays and objects, where package json would
// read null as zero.
func refuseNull[T any]() *json.Unmarshalers {
	return json.UnmarshalFromFunc(func(dec *jsontext.Decoder, _ *T) error {
		if dec.PeekKind() == 'n' {
			return wrongKind(dec, "a value")
		}
		return errors.ErrUnsupported // that is: read it as usual
	})
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{', '}':
		return "an object"
	case '[', ']':
		return "an array"
	default:
		return "not JSON"
	}
}
