namespace LoraAspire.DataBuild.Written;

/// <summary>What every request has beside its words; part of the cache's digest.</summary>
internal static class WriterPrompt
{
    /// <summary>High enough that asking again gives other items.</summary>
    public const float Temperature = 0.8f;
}
