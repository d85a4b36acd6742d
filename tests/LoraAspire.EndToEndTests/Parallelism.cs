// Each test starts programs by the dozen: side by side they would only time each other out.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
