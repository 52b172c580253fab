/* A stand-in for Google's benchmark_model: it writes in its format and measures nothing.
 *
 * Compiled with -DMODE=RUNS, HANGS, CRASHES or LOSES (removes its model first, and fails as the real one does).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUNS, HANGS, CRASHES, LOSES };

int main(int count, char **arguments) {
  const char *graph = "", *profile = NULL;
  for (int i = 1; i < count; ++i) {
    if (!strncmp(arguments[i], "--graph=", 8)) graph = arguments[i] + 8;
    if (!strncmp(arguments[i], "--profiling_output_csv_file=", 28)) profile = arguments[i] + 28;
  }
  puts("INFO: STARTING! (a stand-in for benchmark_model; its figures are made up)");
  printf("INFO: Graph: [%s]\n", graph);
  fflush(stdout);
  if (MODE == LOSES) remove(graph);
  FILE *model = fopen(graph, "rb");
  if (!model) {
    printf("ERROR: Could not open '%s'.\nERROR: Failed to mmap model %s\nERROR: Benchmarking failed.\n", graph, graph);
    return EXIT_FAILURE;
  }
  fclose(model);
  printf("INFO: Loaded model %s\n", graph);
  fflush(stdout);
  if (MODE == HANGS) for (;;) sleep(1);
  if (MODE == CRASHES) abort();
  puts("INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.");
  puts("INFO: count=10 first=2000 curr=1000 min=1000 max=2000 avg=1100 std=300\n");
  puts("INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.");
  puts("INFO: count=50 first=1000 curr=1000 min=900 max=1100 avg=1000 std=50\n");
  puts("INFO: Inference timings in us: Init: 5000, First inference: 2000, Warmup (avg): 1100, Inference (avg): 1000");
  FILE *table = profile ? fopen(profile, "w") : NULL;
  if (table) {
    fputs("Operator-wise Profiling Info for Regular Benchmark Runs:\n"
          "============================== Run Order ==============================\n"
          "node type, start, first, avg_ms, %, cdf%, mem KB, times called, name\n"
          "CONV_2D, 0, 0.9, 0.9, 90%, 90%, 0, 1, [conv]:0\n"
          "SOFTMAX, 0.9, 0.1, 0.1, 10%, 100%, 0, 1, [softmax]:1\n\n", table);
    fclose(table);
  }
  return EXIT_SUCCESS;
}
