package actiontest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPublishPassesInputsOn(t *testing.T) {
	r := checking(t)
	document := r.write("work/result.json", "{}")
	r.set("MEASURED", document, "GITHUB_TOKEN", "token-of-forty-characters", "INPUT_RESULTS", "ignored.json",
		"INPUT_COMBINE", "all", "INPUT_WORKFLOW", "w.yml", "INPUT_COMMENT", "never", "INPUT_COMMENT_TAG", "tag", "INPUT_CHECK_RUN", "my check", "INPUT_SUMMARY", "false", "INPUT_ANNOTATIONS", "true",
		"INPUT_REQUIRE", "arm64\n\nx64\n", "INPUT_OPTIONAL", "numa", "INPUT_WAIVERS", "w.toml", "INPUT_REPORT_URL", "https://example.invalid/1")
	out := r.ends("publish.sh", 0, "::add-mask::token-of-forty-characters", "exit code 0: pass")
	want := []string{
		"publish", "--json", "--combine=all", "--workflow=w.yml", "--comment=never", "--comment-tag=tag", "--check-run=my check", "--summary=false", "--annotations=true", "--require=arm64",
		"--require=x64", "--optional=numa", "--waivers=w.toml", "--report-url=https://example.invalid/1", "--", document,
	}
	if diff := cmp.Diff(want, r.arguments()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(r.read("arguments"), "token") {
		t.Error("the token is an argument, which every process of the machine can read")
	}
	if !strings.Contains(r.read("environment"), "GITHUB_TOKEN=token-of-forty-characters") {
		t.Error("gate was not given the token")
	}
	if strings.Index(out, "add-mask") > strings.Index(out, "blocks_merge") {
		t.Error("the token is masked after gate has run")
	}

	r = checking(t).set("INPUT_RESULTS", "a.json\n--b.json\n")
	r.ends("publish.sh", 0)
	if diff := cmp.Diff([]string{"publish", "--json", "--", "a.json", "--b.json"}, r.arguments()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What fails the step is the table of docs/github.md.
func TestFailOn(t *testing.T) {
	for _, tt := range []struct {
		failOn, code, blocks string
		want                 int
	}{
		{"", "0", "false", 0},
		{"", "1", "true", 1},
		{"", "2", "true", 2},
		{"", "3", "true", 3},
		{"", "4", "false", 0},
		{"", "4", "true", 4},
		{"", "4", "", 4}, // what was not said blocks
		{"regression", "1", "true", 1},
		{"regression", "2", "true", 2},
		{"regression", "3", "true", 3},
		{"regression", "4", "true", 0},
		{"inconclusive", "0", "false", 0},
		{"inconclusive", "1", "true", 1},
		{"inconclusive", "4", "false", 4},
		{"never", "1", "true", 0},
		{"never", "2", "true", 0},
		{"never", "3", "true", 0},
		{"never", "3", "", 3}, // nothing was judged
		{"never", "4", "true", 0},
		{"never", "137", "", 137},
		{"", "137", "", 137},
	} {
		t.Run(tt.failOn+" "+tt.code+" "+tt.blocks, func(t *testing.T) {
			r := checking(t).set("CODE", tt.code, "INPUT_FAIL_ON", tt.failOn, "VERDICT", "pass", "BLOCKS", tt.blocks)
			verdict := "pass"
			if tt.blocks == "" {
				verdict = "invalid"
				r.set("VERDICT", "")
			}
			r.set("MEASURED", r.write("out/result.json", "{}"))
			r.ends("publish.sh", tt.want, "exit code "+tt.code+": ")
			want := tt.blocks
			if want == "" {
				want = "true"
			}
			if o := r.outputs(); o["exit-code"] != tt.code || o["blocks-merge"] != want || o["verdict"] != verdict || o["comment-id"] != "7" {
				t.Errorf("outputs %q", o)
			}
		})
	}
	checking(t).set("INPUT_FAIL_ON", "sometimes").ends("publish.sh", 3, `input fail-on is "sometimes"`)
}

func TestPublishArtifact(t *testing.T) {
	r := checking(t)
	dir := filepath.Join(r.dir, "artifact")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r.set("INPUT_ARTIFACT", dir)
	r.ends("publish.sh", 3, "::notice", "left no result")
	r.set("INPUT_FAIL_ON", "never")
	r.ends("publish.sh", 0, "::notice", "left no result")
	if r.read("arguments") != "" {
		t.Error("gate was called without an artifact")
	}

	file := r.write("artifact/gate-result-1.zip", "zip")
	r.ends("publish.sh", 0)
	if diff := cmp.Diff([]string{"publish", "--json", "--artifact=" + file}, r.arguments()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r.write("artifact/another.zip", "zip")
	r.ends("publish.sh", 3, "more than one file")
	r.set("INPUT_ARTIFACT", file)
	r.ends("publish.sh", 0)
}
