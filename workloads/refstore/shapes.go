package refstore

import "time"

// The JSON shapes of Engram's API.

// rememberRequest is the body of the three ways to store. The fields that Engram
// accepts and drops are not listed: unknown ones are ignored.
type rememberRequest struct {
	ID          string     `json:"id"`
	Content     *string    `json:"content"`
	What        *string    `json:"what"` // content of an episode
	When        *time.Time `json:"when"` // required of an episode
	Timestamp   *time.Time `json:"timestamp"`
	Embedding   embedding  `json:"embedding"`
	Confidence  *float32   `json:"confidence"`
	Importance  *float32   `json:"importance"` // confidence of an episode
	MemorySpace string     `json:"memory_space_id"`
	Reasoning   string     `json:"confidence_reasoning"`
}

// confidence is a probability with its name in words.
type confidence struct {
	Value     float32 `json:"value"`
	Category  string  `json:"category"`
	Reasoning string  `json:"reasoning"`
}

// confident names a value in Engram's words.
func confident(value float32, reasoning string) confidence {
	c := confidence{Value: value, Category: "Low", Reasoning: reasoning}
	switch {
	case value > 0.7:
		c.Category = "High"
	case value > 0.4:
		c.Category = "Medium"
	}
	return c
}

type rememberResponse struct {
	MemoryID          string     `json:"memory_id"`
	StorageConfidence confidence `json:"storage_confidence"`
	State             string     `json:"consolidation_state"`
	ObservedAt        time.Time  `json:"observed_at"`
	StoredAt          time.Time  `json:"stored_at"`
	Links             links      `json:"links"`
	AutoLinks         []struct{} `json:"auto_links"`
	SystemMessage     string     `json:"system_message"`
}

type links struct {
	Consolidation string `json:"consolidation"`
}

// recalled is one memory of a recall.
type recalled struct {
	ID            string     `json:"id"`
	Content       string     `json:"content"`
	Confidence    confidence `json:"confidence"`
	Activation    float32    `json:"activation_level"`
	Similarity    float32    `json:"similarity_score"`
	RetrievalPath *string    `json:"retrieval_path"`
	ObservedAt    time.Time  `json:"observed_at"`
	LastAccess    *time.Time `json:"last_access"`
	Tags          []string   `json:"tags"`
	MemoryType    string     `json:"memory_type"`
	Explanation   string     `json:"relevance_explanation"`
}

type recallResponse struct {
	Memories struct {
		Vivid         []recalled `json:"vivid"`
		Associated    []recalled `json:"associated"`
		Reconstructed []recalled `json:"reconstructed"`
	} `json:"memories"`
	Confidence    confidence      `json:"recall_confidence"`
	Analysis      queryAnalysis   `json:"query_analysis"`
	Metadata      *recallMetadata `json:"metadata"`
	SystemMessage string          `json:"system_message"`
}

type queryAnalysis struct {
	Intent      string   `json:"understood_intent"`
	Strategy    string   `json:"search_strategy"`
	Load        string   `json:"cognitive_load"`
	Suggestions []string `json:"suggestions"`
}

type recallMetadata struct {
	Searched int    `json:"total_memories_searched"`
	Hops     int    `json:"activation_spread_hops"`
	Millis   int64  `json:"processing_time_ms"`
	Load     string `json:"memory_system_load"`
}

// plainMemory is a memory in a list or by itself.
type plainMemory struct {
	ID         string    `json:"id"`
	Content    string    `json:"content"`
	Confidence float32   `json:"confidence"`
	Timestamp  time.Time `json:"timestamp"`
	MemoryType string    `json:"memory_type,omitempty"`
	Embedding  []float32 `json:"embedding,omitempty"`
}

type searchResponse struct {
	Memories []plainMemory `json:"memories"`
	Total    int           `json:"total"`
}

type listResponse struct {
	Memories   []plainMemory `json:"memories"`
	Count      int           `json:"count"`
	Pagination pagination    `json:"pagination"`
	Tiers      tiers         `json:"tier_counts"`
}

type pagination struct {
	Offset   int `json:"offset"`
	Limit    int `json:"limit"`
	Returned int `json:"returned"`
}

type tiers struct {
	Hot   int `json:"hot"`
	Warm  int `json:"warm"`
	Cold  int `json:"cold"`
	Total int `json:"total"`
}

// probabilisticResponse has pointers where Engram answers null.
type probabilisticResponse struct {
	Memories    []recalled     `json:"memories"`
	Interval    interval       `json:"confidence_interval"`
	Evidence    *[]evidence    `json:"evidence_chain"`
	Uncertainty *[]uncertainty `json:"uncertainty_sources"`
	Message     string         `json:"system_message"`
}

type interval struct {
	Lower float32 `json:"lower"`
	Upper float32 `json:"upper"`
	Point float32 `json:"point"`
	Width float32 `json:"width"`
}

type evidence struct {
	Source      string  `json:"source_type"`
	Strength    float32 `json:"strength"`
	Description string  `json:"description"`
}

type uncertainty struct {
	Source      string  `json:"source_type"`
	Impact      float32 `json:"impact"`
	Explanation string  `json:"explanation"`
}

type deleteResponse struct {
	Status        string   `json:"status"`
	Message       string   `json:"message"`
	MemoryID      string   `json:"memory_id"`
	Rationale     string   `json:"rationale"`
	Alternatives  []string `json:"alternatives"`
	Documentation string   `json:"documentation"`
}

type spaceBody struct {
	ID        string    `json:"id"`
	Root      string    `json:"persistence_root"`
	CreatedAt time.Time `json:"created_at"`
}

type spacesResponse struct {
	Spaces []spaceBody `json:"spaces"`
}

type statusResponse struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type healthResponse struct {
	Status    string    `json:"status"`
	Service   string    `json:"service"`
	Version   string    `json:"version"`
	Timestamp time.Time `json:"timestamp"`
}

type systemHealth struct {
	Status    string        `json:"status"`
	Timestamp time.Time     `json:"timestamp"`
	Checks    []healthCheck `json:"checks"`
	Spaces    []spaceHealth `json:"spaces"`
	Cluster   *struct{}     `json:"cluster"`
}

type healthCheck struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Status      string   `json:"status"`
	Message     string   `json:"message"`
	LatencyS    float64  `json:"latency_seconds"`
	Failures    int      `json:"consecutive_failures"`
	Successes   int      `json:"consecutive_successes"`
	LastSuccess *float64 `json:"last_success_seconds_ago"`
	LastFailure *float64 `json:"last_failure_seconds_ago"`
	LastRun     *float64 `json:"last_run_seconds_ago"`
}

type spaceHealth struct {
	Space         string  `json:"space"`
	Memories      int     `json:"memories"`
	Pressure      float32 `json:"pressure"`
	WALLagMillis  float32 `json:"wal_lag_ms"`
	Consolidation float32 `json:"consolidation_rate"`
}
