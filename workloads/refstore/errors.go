package refstore

import (
	"errors"
	"net/http"
)

// apiError is an error in Engram's shape.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return e.message }

// rejection is an error that Engram's framework answers in plain text, before the
// handler sees the request.
type rejection struct {
	status  int
	message string
}

func (e *rejection) Error() string { return e.message }

func invalidInput(message string) error {
	return &apiError{http.StatusBadRequest, "INVALID_MEMORY_INPUT", message}
}

func notFound(code, message string) error {
	return &apiError{http.StatusNotFound, code, message}
}

func unprocessable(message string) error {
	return &apiError{http.StatusUnprocessableEntity, "MEMORY_VALIDATION_ERROR", message}
}

// errorBody is the JSON of an apiError.
type errorBody struct {
	Error struct {
		Code     string `json:"code"`
		Message  string `json:"message"`
		Context  string `json:"educational_context"`
		Guidance string `json:"cognitive_guidance"`
	} `json:"error"`
	Documentation struct {
		Guide    string `json:"api_guide"`
		Concepts string `json:"memory_concepts"`
		Examples string `json:"examples"`
	} `json:"documentation"`
}

// guidance is what a caller can do about a code.
var guidance = map[string][2]string{
	"INVALID_MEMORY_INPUT":    {"A memory needs readable content and an embedding of the store's dimension.", "Correct the field named in the message and send the request again."},
	"BAD_REQUEST":             {"The request asks for something that the store does not have.", "Use one of the values named in the message."},
	"MEMORY_NOT_FOUND":        {"No memory of this space has that id; it may have been replaced by a more confident duplicate.", "Check the id and the X-Memory-Space header."},
	"CONSOLIDATION_NOT_FOUND": {"No concept of this space has that id.", "List the concepts with GET /api/v1/consolidations."},
	"MEMORY_VALIDATION_ERROR": {"A pattern is completed from what is known of it.", "Give more known dimensions or a lower ca1_threshold."},
	"MEMORY_SYSTEM_ERROR":     {"The store could not do the work.", "See the message; the request may be repeated."},
}

// fail answers a request with an error.
func fail(w http.ResponseWriter, err error) {
	var rejected *rejection
	if errors.As(err, &rejected) {
		http.Error(w, rejected.message, rejected.status)
		return
	}
	var known *apiError
	if !errors.As(err, &known) {
		known = &apiError{http.StatusInternalServerError, "MEMORY_SYSTEM_ERROR", err.Error()}
	}
	var body errorBody
	body.Error.Code, body.Error.Message = known.code, known.message
	body.Error.Context, body.Error.Guidance = guidance[known.code][0], guidance[known.code][1]
	body.Documentation.Guide = "/docs/api"
	body.Documentation.Concepts = "/docs/memory-systems"
	body.Documentation.Examples = "/docs/examples"
	answer(w, known.status, &body)
}
