// Package refstore is the embedded reference store: a small dual-memory store
// that speaks Engram's HTTP API, so that the whole gate can be run and proven on
// a machine with nothing else on it. It is a test bench and no product.
//
// # What it holds
//
// A memory space holds episodes (content, embedding, confidence, times) and
// concepts. A concept is the centroid of the episodes nearest to it; concepts
// form while episodes arrive (incremental k-means with splits) and number about
// the square root of the episodes. They are at once the inverted-file index of
// the vector search: a search compares the cue with the concepts, then, exactly,
// with the members of the nearest ones. Text is found by an inverted word index,
// and what it finds activates related episodes through concepts and through
// neighbours in time, with decay and fan effect. Spaces share nothing.
//
// # Where it follows Engram
//
// Paths, JSON shapes, status codes, error bodies, the precedence of the
// X-Memory-Space header, implicit creation of spaces, defaults, the duplicate
// rule (cosine of at least 0.95: the more confident one stays; a dropped one is
// answered 201 with its confidence times 0.9), the vivid/associated split at 0.7
// and DELETE as an answered no-op.
//
// # Where it does not, on purpose
//
//   - POST /api/v1/memories is the same as /remember: it honours embedding, id,
//     timestamp and the body's space.
//   - A space is chosen the same way everywhere: header, then query, then body.
//   - An explicit mode=spreading or mode=hybrid works; mode=similarity turns the
//     spreading of text recall off.
//   - A dropped duplicate answers the id of the memory that stays.
//   - Storing under a used id replaces that memory; the count does not grow.
//   - The store adopts the dimension of the first embedding it is given (768
//     until then), so that scenarios of other dimensions need no flag.
//   - Pattern completion consults the memories stored.
//   - Consolidations are the concepts as they are now, not a snapshot kept for ever.
//   - Prometheus counters are monotonic, and recall has a latency metric.
//   - There is no eviction at 100,000 memories, no tiers but "hot", no gRPC, no
//     streaming, no authentication.
//
// # Durability
//
// Each stored episode is appended to a write-ahead log before it is answered,
// without a sync, as in Engram. A graceful stop writes a snapshot and begins an
// empty log. A torn end of the log is cut off at the next start; a damaged
// snapshot is an error. See files.go for the files.
//
// # Faults
//
// ParseFault names the faults that a server can be told to have; they are what
// the gate is tested against.
package refstore
