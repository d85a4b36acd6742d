namespace LoraAspire.Pipelines.Runs;

/// <summary>Why a stage ran, or was taken from the cache, in words: what the coordinator noted when it decided.</summary>
public static class StageExplanation
{
    public static string Of(StageState stage)
    {
        var did = stage switch
        {
            { Status: StageStatus.Queued } => "is to run",
            { Status: StageStatus.Running } => "runs",
            { StartedAt: null } => "was to run",
            _ => "ran",
        };
        return stage switch
        {
            { Cached: true } => $"taken from the cache: these parameters and inputs were done before, under key {stage.Key}.",
            { Key: null, Status: StageStatus.Skipped } => "not reached.",
            { Key: null } => stage.Needs.Any() ? $"not planned yet: it waits for {string.Join(" and ", stage.Needs)}." : "not planned yet.",
            { Description.Cached: false } => $"{did}: what it does is outside the store, so it runs every time.",
            { Explain: { } why } => $"{did}: {why}",
            _ => $"{did}; why it wasn't taken from the cache was not noted.",
        };
    }
}
