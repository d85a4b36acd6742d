using Xunit.Sdk;

// Each test starts programs by the dozen: side by side they would only time each other out.
[assembly: Xunit.v3.Parallelization(Mode = ParallelMode.None)]
