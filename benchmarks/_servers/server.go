// Built without a module, Go takes itself for an older one, whose patterns know no methods.
//go:debug httpmuxgo121=0

// The talk's platform: Go's standard library alone (net/http, log/slog), with Prometheus's own client.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type requestID struct{}

var (
	harmless = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	requests = prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "http_requests_total"}, []string{"method", "route", "status"})
	durations = prometheus.NewHistogramVec(
		prometheus.HistogramOpts{Name: "http_request_duration_seconds"}, []string{"route"})
	inFlight = prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_requests_in_flight"})
)

// withContext gives every line the id of the request.
type withContext struct{ slog.Handler }

func (h withContext) Handle(ctx context.Context, record slog.Record) error {
	if id, ok := ctx.Value(requestID{}).(string); ok {
		record.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, record)
}

// recorder notes what the line will say about an answer.
type recorder struct {
	http.ResponseWriter
	status, size int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(part []byte) (int, error) {
	r.size += len(part)
	return r.ResponseWriter.Write(part)
}

func idOf(r *http.Request) string {
	if given := r.Header.Get("X-Request-ID"); harmless.MatchString(given) {
		return given
	}
	var random [16]byte
	rand.Read(random[:])
	return hex.EncodeToString(random[:])
}

func observed(log *slog.Logger, next *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		inFlight.Inc()
		id := idOf(r)
		r = r.WithContext(context.WithValue(r.Context(), requestID{}, id))
		w.Header().Set("X-Request-ID", id)
		answer := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		seconds := time.Since(started).Seconds()
		inFlight.Dec()
		requests.WithLabelValues(r.Method, r.Pattern, strconv.Itoa(answer.status)).Inc()
		durations.WithLabelValues(r.Pattern).Observe(seconds)
		log.InfoContext(r.Context(), "request", "method", r.Method, "route", r.Pattern, "path", r.URL.Path,
			"status", answer.status, "duration_ms", float64(int(seconds*10000+0.5))/10, "size_bytes", answer.size)
	})
}

func main() {
	prometheus.MustRegister(requests, durations, inFlight)
	named := []slog.Attr{slog.String("logger", "shop"), slog.String("out", "stdout")}
	lines := slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{AddSource: true}).WithAttrs(named)
	log := slog.New(withContext{lines})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /greetings/{name}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := json.Marshal(map[string]string{"greeting": "Hello, " + r.PathValue("name") + "!"})
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	})
	mux.Handle("GET /metrics", promhttp.Handler())
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[1], observed(log, mux)); err != nil {
		log.Error("cannot serve", "error", err.Error())
		os.Exit(1)
	}
}
