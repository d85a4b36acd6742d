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

    /// <summary>A pipeline, a file or an artifact isn't what it has to be.</summary>
    Invalid = 5,

    /// <summary>Something else stands where it is to write.</summary>
    Taken = 6,

    /// <summary>A server doesn't answer: the chat service, Redis, one that was named.</summary>
    NoAnswer = 7,

    /// <summary>This machine lacks what it takes: a GPU, memory, room on the disk.</summary>
    Lacking = 8,

    /// <summary>By Ctrl-C; or the run that was followed was cancelled.</summary>
    Cancelled = 130,
}
