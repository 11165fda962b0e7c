package runner

import "io/fs"

// detect fills in what this system tells.
func detect(m Machine, root fs.FS) (Machine, error) { return detectLinux(m, root) }
