// A Go SDK worker and client in one process: the same load as bench/driver.py at a fraction of its CPU.
//
//	load ADDRESS --at-once 50 --seconds 10 --one-by-one 100 --activities 1
//	load ADDRESS --null --at-once 50 --seconds 3
//
// prints one JSON object with the fields of bench.driver.Measured. With --null it only calls GetClusterInfo, as fast as
// the other side answers, and counts the calls.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
)

const taskQueue = "bench"

type measured struct {
	Workflows          int     `json:"workflows"`
	Seconds            float64 `json:"seconds"`
	WorkflowsPerSecond float64 `json:"workflows_per_second"`
	LoadedP50          float64 `json:"loaded_p50_ms"`
	P50                float64 `json:"p50_ms"`
	P99                float64 `json:"p99_ms"`
	DriverCPU          float64 `json:"driver_cpu_seconds"`
	RpcsPerSecond      float64 `json:"rpcs_per_second"`
}

// rpcs counts the calls that were answered.
var rpcs atomic.Int64

func countRpcs(
	ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker,
	options ...grpc.CallOption,
) error {
	err := invoke(ctx, method, request, reply, connection, options...)
	rpcs.Add(1)
	return err
}

func echo(_ context.Context, value string) (string, error) { return value, nil }

// activities runs that many activities, one after the other.
func activities(ctx workflow.Context, count int) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 30 * time.Second})
	result := ""
	for range count {
		if err := workflow.ExecuteActivity(ctx, echo, "x").Get(ctx, &result); err != nil {
			return "", err
		}
	}
	return result, nil
}

type load struct {
	client client.Client
	count  int
}

// one returns the milliseconds from start to result.
func (l load) one() float64 {
	began := time.Now()
	options := client.StartWorkflowOptions{ID: "bench-" + uuid.NewString(), TaskQueue: taskQueue}
	run, err := l.client.ExecuteWorkflow(context.Background(), options, activities, l.count)
	check(err)
	var result string
	check(run.Get(context.Background(), &result))
	return float64(time.Since(began).Microseconds()) / 1000
}

// keepOpen keeps that many workflows open until the time is over or, if count is positive, until that many have begun;
// the ones still open at the end are waited for and counted.
func (l load) keepOpen(atOnce int, seconds float64, count int64) ([]float64, float64) {
	var begun atomic.Int64
	goesOn := func(elapsed float64) bool {
		if count > 0 {
			return begun.Add(1) <= count
		}
		return elapsed < seconds
	}
	var mutex sync.Mutex
	var lanes sync.WaitGroup
	var took []float64
	began := time.Now()
	for range atOnce {
		lanes.Go(func() {
			for goesOn(time.Since(began).Seconds()) {
				one := l.one()
				mutex.Lock()
				took = append(took, one)
				mutex.Unlock()
			}
		})
	}
	lanes.Wait()
	return took, time.Since(began).Seconds()
}

// null calls an RPC that costs the server nothing, and returns calls a second.
func null(connection client.Client, atOnce int, seconds float64) float64 {
	var lanes sync.WaitGroup
	began := time.Now()
	before := rpcs.Load()
	for range atOnce {
		lanes.Go(func() {
			for time.Since(began).Seconds() < seconds {
				_, err := connection.WorkflowService().GetClusterInfo(
					context.Background(), &workflowservice.GetClusterInfoRequest{})
				check(err)
			}
		})
	}
	lanes.Wait()
	return float64(rpcs.Load()-before) / time.Since(began).Seconds()
}

func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	return sorted[int(q*float64(len(sorted)-1))]
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	atOnce := flag.Int("at-once", 50, "workflows open at any moment")
	seconds := flag.Float64("seconds", 10, "length of the load")
	oneByOne := flag.Int("one-by-one", 100, "workflows run alone, for the latency")
	count := flag.Int("activities", 1, "activities of a workflow")
	warmUp := flag.Int("warm-up", 20, "workflows run at once before anything counts")
	workflows := flag.Int64("workflows", 0, "run that many, however long it takes")
	onlyNull := flag.Bool("null", false, "call an RPC that costs nothing instead")
	address := os.Args[1]
	check(flag.CommandLine.Parse(os.Args[2:]))

	quiet := log.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	options := client.Options{HostPort: address, Logger: quiet, ConnectionOptions: client.ConnectionOptions{
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(countRpcs)},
	}}
	if *onlyNull {
		connection, err := client.NewLazyClient(options)
		check(err)
		fmt.Printf("{\"rpcs_per_second\": %f}\n", null(connection, *atOnce, *seconds))
		os.Exit(0)
	}
	connection, err := client.Dial(options)
	check(err)
	w := worker.New(connection, taskQueue, worker.Options{
		MaxConcurrentWorkflowTaskPollers: 10,
		MaxConcurrentActivityTaskPollers: 10,
	})
	w.RegisterWorkflow(activities)
	w.RegisterActivity(echo)
	check(w.Start())

	l := load{connection, *count}
	l.keepOpen(*warmUp, 0.1, 0)
	alone := make([]float64, 0, *oneByOne)
	for range *oneByOne {
		alone = append(alone, l.one())
	}
	cpuBefore, rpcsBefore := cpuSeconds(), rpcs.Load()
	loaded, took := l.keepOpen(*atOnce, *seconds, *workflows)
	counted := rpcs.Load() - rpcsBefore
	out, err := json.Marshal(measured{
		Workflows: len(loaded), Seconds: took, WorkflowsPerSecond: float64(len(loaded)) / took,
		LoadedP50: quantile(loaded, 0.5), P50: quantile(alone, 0.5), P99: quantile(alone, 0.99),
		DriverCPU: cpuSeconds() - cpuBefore, RpcsPerSecond: float64(counted) / took,
	})
	check(err)
	fmt.Println(string(out))
	os.Exit(0) // the worker's polls would hold the process for a while; everything is said
}
