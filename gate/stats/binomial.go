package stats

import "math"

// binomialUpper returns P(X ≥ k) for X ~ Binomial(n, p), 0 < k ≤ n, 0 < p < 1.
func binomialUpper(k, n int64, p float64) float64 {
	if float64(k) <= float64(n)*p { // below the mean the other side is shorter
		return max(0, 1-lowerTerms(k-1, n, p))
	}
	return min(1, upperTerms(k, n, p))
}

// upperTerms sums P(X = x) for x ≥ k, which must not be below the mean.
func upperTerms(k, n int64, p float64) float64 {
	odds := p / (1 - p)
	return sumTerms(k, binomial(k, n, p), func(x float64) float64 {
		return (float64(n) - x) * odds / (x + 1)
	}, 1)
}

// lowerTerms sums P(X = x) for x ≤ k, which must not be above the mean.
func lowerTerms(k, n int64, p float64) float64 {
	odds := p / (1 - p)
	return sumTerms(k, binomial(k, n, p), func(x float64) float64 {
		return x / ((float64(n) - x + 1) * odds)
	}, -1)
}

// fisher returns P(X ≥ errors of head) given the margins, X hypergeometric.
func fisher(base, head Count) float64 {
	errors := base.Errors + head.Errors
	n, m, k := float64(head.Total), float64(base.Total), float64(errors)
	if errors == 0 || head.Errors == max(0, errors-base.Total) {
		return 1
	}
	if float64(head.Errors) <= k*n/(n+m) {
		x := head.Errors - 1
		return max(0, 1-sumTerms(x, hypergeometric(x, errors, head.Total, base.Total), func(x float64) float64 {
			return x * (m - k + x) / ((k - x + 1) * (n - x + 1))
		}, -1))
	}
	x := head.Errors
	return min(1, sumTerms(x, hypergeometric(x, errors, head.Total, base.Total), func(x float64) float64 {
		return (k - x) * (n - x) / ((x + 1) * (m - k + x + 1))
	}, 1))
}

// sumTerms sums a probability function from x outwards, term being its value
// at x and ratio(x) the next term over the one at x. It ends when a term no
// longer counts; terms fall from the start, since x is on that side of the mode.
func sumTerms(x int64, term float64, ratio func(float64) float64, step float64) float64 {
	var sum float64
	for at := float64(x); term > 0; at += step {
		sum += term
		term *= ratio(at)
		if term < 1e-18*sum {
			break
		}
	}
	return sum
}

// hypergeometric returns the probability that x of k errors fall on head, with
// n requests on head and m on base, as a quotient of three binomials whose
// common p cancels (Loader, "Fast and accurate computation of binomial
// probabilities", 2000).
func hypergeometric(x, k, n, m int64) float64 {
	p := float64(k) / float64(n+m)
	if k == n+m {
		return 1
	}
	return binomial(x, n, p) / binomial(k, n+m, p) * binomial(k-x, m, p)
}

// binomial returns P(X = x), 0 ≤ x ≤ n, by Loader's saddle-point form:
// deviances and Stirling remainders, free of the cancellation of huge log
// gammas.
func binomial(x, n int64, p float64) float64 {
	switch {
	case x < 0 || x > n:
		return 0
	case x == 0:
		return math.Exp(float64(n) * math.Log1p(-p))
	case x == n:
		return math.Exp(float64(n) * math.Log(p))
	}
	fx, fn := float64(x), float64(n)
	exponent := stirling(fn) - stirling(fx) - stirling(fn-fx) - deviance(fx, fn*p) - deviance(fn-fx, fn*(1-p))
	return math.Exp(exponent) * math.Sqrt(fn/(2*math.Pi*fx*(fn-fx)))
}

// stirling returns ln n! − ln(√(2πn)·(n/e)^n) for whole n ≥ 1: by its series
// from 16 on, where five terms are exact to 1e-15, and directly below.
func stirling(n float64) float64 {
	if n < 16 {
		factorial, _ := math.Lgamma(n + 1)
		return factorial - (0.5*math.Log(2*math.Pi*n) + n*math.Log(n) - n)
	}
	i := 1 / (n * n)
	return (1.0/12 - i*(1.0/360-i*(1.0/1260-i*(1.0/1680-i/1188)))) / n
}

// deviance returns x·ln(x/m) + m − x without cancellation where x is near m:
// with v = (x−m)/(x+m), ln(x/m) = 2·(v + v³/3 + v⁵/5 + …).
func deviance(x, m float64) float64 {
	if math.Abs(x-m) >= 0.1*(x+m) {
		return x*math.Log(x/m) + m - x
	}
	v := (x - m) / (x + m)
	sum := (x - m) * v
	term := 2 * x * v
	for j := 3.0; ; j += 2 {
		term *= v * v
		next := sum + term/j
		if next == sum {
			return sum
		}
		sum = next
	}
}
