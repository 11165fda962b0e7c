package githubtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// openapi is GitHub's own description of its REST interface. It has 13 MB; what is
// kept of it is the paths below and what they refer to.
var openapi = pinned{name: "@octokit/openapi", version: "23.0.2", sha256: "71a18407dd5e8464f4e0525daf03deabbe65abd9287d6adc7b5d98f516cd0d0c", file: "generated/api.github.com.json"}

// described are the paths that are kept.
var described = []string{
	"/repos/{owner}/{repo}/issues/{issue_number}/comments",
	"/repos/{owner}/{repo}/issues/comments/{comment_id}",
	"/repos/{owner}/{repo}/pulls",
	"/repos/{owner}/{repo}/pulls/{pull_number}",
	"/repos/{owner}/{repo}/pulls/{pull_number}/files",
	"/repos/{owner}/{repo}/contents/{path}",
	"/repos/{owner}/{repo}/commits/{ref}/check-runs",
	"/repos/{owner}/{repo}/check-runs",
	"/repos/{owner}/{repo}/check-runs/{check_run_id}",
}

// Contract returns a check of requests against GitHub's OpenAPI document.
func Contract(t *testing.T) func(*http.Request, []byte) error {
	t.Helper()
	kept := sha256.Sum256([]byte(strings.Join(described, "\n")))
	text := npmFile(t, openapi, fmt.Sprintf("openapi-%s-%x.json", openapi.version, kept[:6]), trim)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatalf("OpenAPI document: %v", err)
	}
	doc.Servers = openapi3.Servers{{URL: "/"}}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatalf("OpenAPI document: %v", err)
	}
	return func(r *http.Request, body []byte) error {
		r = r.Clone(context.Background())
		r.Body = io.NopCloser(bytes.NewReader(body))
		route, params, err := router.FindRoute(r)
		if err != nil {
			return fmt.Errorf("no such operation: %w", err)
		}
		return openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		})
	}
}

// trim keeps the described paths of an OpenAPI document, and the components that
// they refer to, directly or not.
func trim(raw []byte) ([]byte, error) {
	var whole map[string]any
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, fmt.Errorf("OpenAPI document: %w", err)
	}
	paths, kept := whole["paths"].(map[string]any), map[string]any{}
	for _, path := range described {
		if paths[path] == nil {
			return nil, fmt.Errorf("OpenAPI document has no path %s", path)
		}
		kept[path] = paths[path]
	}
	components := map[string]any{}
	if err := follow(whole, kept, components); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"openapi": whole["openapi"], "info": whole["info"], "paths": kept, "components": components})
}

// follow adds to components what the references inside of a value lead to.
func follow(whole map[string]any, value any, components map[string]any) error {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if err := follow(whole, item, components); err != nil {
				return err
			}
		}
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			return resolve(whole, ref, components)
		}
		for _, item := range v {
			if err := follow(whole, item, components); err != nil {
				return err
			}
		}
	}
	return nil
}

func resolve(whole map[string]any, ref string, components map[string]any) error {
	parts := strings.Split(ref, "/")
	if len(parts) != 4 || parts[0] != "#" || parts[1] != "components" {
		return fmt.Errorf("reference %q is not to a component", ref)
	}
	kind, name := parts[2], parts[3]
	group, ok := components[kind].(map[string]any)
	if !ok {
		group = map[string]any{}
		components[kind] = group
	}
	if group[name] != nil {
		return nil
	}
	all, _ := whole["components"].(map[string]any)
	source, _ := all[kind].(map[string]any)
	target, ok := source[name]
	if !ok {
		return fmt.Errorf("reference %q leads nowhere", ref)
	}
	group[name] = target
	return follow(whole, target, components)
}
