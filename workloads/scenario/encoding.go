package scenario

import "fmt"

// Append appends a value to dst in the encoding.
func (e Encoding) Append(dst, value []byte) []byte {
	switch e {
	case JSON:
		return appendEscaped(dst, value)
	case Form:
		return appendPercent(dst, value)
	case Plain:
	}
	return append(dst, value...)
}

// appendEscaped writes what can stand between the quotes of a JSON string
// (RFC 8259, section 7). A number or a list of them is written as it is.
func appendEscaped(dst, value []byte) []byte {
	for _, c := range value {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendPercent writes what can stand anywhere in a path or query, or in a form,
// and means the value (RFC 3986, section 2): all but unreserved characters are
// percent-encoded.
func appendPercent(dst, value []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range value {
		if isUnreserved(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
