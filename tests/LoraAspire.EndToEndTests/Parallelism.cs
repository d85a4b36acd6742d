using Xunit.Sdk;

// Each test starts programs by the dozen: side by side they would only time each other out.
[assembly: Parallelization(Mode = ParallelMode.None)]
