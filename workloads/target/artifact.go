package target

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// FindProgram resolves the program of a command: a path is taken relative to
// dir, a bare name is looked up in PATH.
func FindProgram(name, dir string) (string, error) {
	if isRelativePath(name) {
		name = filepath.Join(dir, name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("program %s: %w", name, errors.Unwrap(err))
	}
	return filepath.Abs(path)
}

// collectArtifacts copies the named files and directories from one directory
// into another, and returns their hash.
func collectArtifacts(from, to string, names []string) (string, error) {
	for _, name := range names {
		source, destination := filepath.Join(from, name), filepath.Join(to, name)
		info, err := os.Stat(source)
		if err != nil {
			return "", fmt.Errorf("artifact %s: %w", name, err)
		}
		if err := os.MkdirAll(filepath.Dir(destination), 0o700); err != nil {
			return "", fmt.Errorf("artifact %s: %w", name, err)
		}
		if info.IsDir() {
			err = CopyDir(source, destination)
		} else {
			err = copyFile(source, destination, info.Mode().Perm())
		}
		if err != nil {
			return "", fmt.Errorf("artifact %s: %w", name, err)
		}
	}
	return hashDir(to)
}

// hashDir is the hash of a directory's contents: names, executable bits, bytes.
func hashDir(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		var content string
		if info.Mode()&fs.ModeSymlink != 0 {
			content, err = os.Readlink(path)
		} else {
			content, err = hashFile(path)
		}
		fmt.Fprintf(sum, "%q %t %s\n", name, info.Mode()&0o100 != 0, content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// hashFile is the SHA-256 of a file, hex.
func hashFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hashText is the SHA-256 of texts, hex; texts that differ in where one ends and
// the next begins differ in it.
func hashText(texts ...string) string {
	sum := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(sum, "%d:%s", len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
