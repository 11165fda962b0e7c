package gobench

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// scan lists the benchmarks that test files declare, and says of each whether it
// runs in parallel: whether RunParallel is named in it or in what it names, as
// far as the test files of the package go. A file that cannot be parsed does not
// compile either, which the build will say better.
func scan(files []string) map[string]bool {
	uses := map[string]map[string]bool{}
	benchmarks := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if parsed == nil || err != nil && len(parsed.Decls) == 0 {
			continue
		}
		for _, declaration := range parsed.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if uses[f.Name.Name] == nil {
				uses[f.Name.Name] = map[string]bool{}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					uses[f.Name.Name][id.Name] = true
				}
				return true
			})
			if isBenchmark(f) {
				benchmarks[f.Name.Name] = false
			}
		}
	}
	for name := range benchmarks {
		benchmarks[name] = reaches(uses, name, "RunParallel", map[string]bool{})
	}
	return benchmarks
}

// isBenchmark is the rule of the go command (`go help testfunc`).
func isBenchmark(f *ast.FuncDecl) bool {
	rest, ok := strings.CutPrefix(f.Name.Name, "Benchmark")
	if !ok || f.Recv != nil || f.Type.TypeParams != nil || len(f.Type.Params.List) != 1 || len(f.Type.Params.List[0].Names) > 1 {
		return false
	}
	pointer, ok := f.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	switch x := pointer.X.(type) {
	case *ast.Ident:
		ok = x.Name == "B"
	case *ast.SelectorExpr:
		ok = x.Sel.Name == "B"
	}
	return ok && (rest == "" || !('a' <= rest[0] && rest[0] <= 'z'))
}

// reaches reports whether a function names the goal, itself or through others.
func reaches(uses map[string]map[string]bool, from, goal string, seen map[string]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	if uses[from][goal] {
		return true
	}
	for name := range uses[from] {
		if uses[name] != nil && reaches(uses, name, goal, seen) {
			return true
		}
	}
	return false
}
