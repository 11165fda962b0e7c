package runner

import (
	"fmt"
	"strconv"
	"strings"
)

// maxCPU bounds CPU and node numbers: a damaged list must not take all memory.
// Linux's largest NR_CPUS is 8192.
const maxCPU = 1 << 16

// ParseCPUList reads a list as the kernel writes it, such as "0-3,8,10-11":
// ascending numbers of CPUs or NUMA nodes. An empty list is valid.
func ParseCPUList(text string) ([]int, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, err := strconv.ParseUint(from, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("CPU list %q: %w", text, err)
		}
		last, err := strconv.ParseUint(to, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("CPU list %q: %w", text, err)
		}
		if last < first || last >= maxCPU || len(list) > 0 && int(first) <= list[len(list)-1] {
			return nil, fmt.Errorf("CPU list %q: %q is out of order or too large", text, part)
		}
		for n := int(first); n <= int(last); n++ {
			list = append(list, n)
		}
	}
	return list, nil
}
