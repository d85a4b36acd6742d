namespace LoraAspire.Cli;

/// <summary>What <c>lora</c> ends with; docs/cli.md has the table.</summary>
internal enum ExitCode
{
    Done = 0,

    /// <summary>The run failed, or what was asked for did.</summary>
    Failed = 1,

    /// <summary>The command line makes no sense.</summary>
    Usage = 2,

    /// <summary>No run, file, model or data set of that name.</summary>
    NotFound = 3,

    /// <summary>It needs the app, and none runs here.</summary>
    NotRunning = 4,

    /// <summary>By Ctrl-C; or the run that was followed was cancelled.</summary>
    Cancelled = 130,
}
