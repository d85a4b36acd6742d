namespace LoraAspire.Pipelines.Yaml;

/// <summary>Something to say about one place of a YAML file. Line and column count from 1.</summary>
public sealed record Diagnostic(string File, long Line, long Column, string Message)
{
    public override string ToString() => $"{File}:{Line}:{Column}: {Message}";
}

/// <summary>
/// What parsing gave: a pipeline, or all that is wrong at once; notes tell which keys were understood under another name.
/// </summary>
/// <param name="File">The name under which errors speak of the text.</param>
/// <param name="Yaml">The text, as it was parsed.</param>
public sealed record ParsedPipeline(
    string File, string Yaml, Pipeline? Pipeline, IReadOnlyList<Diagnostic> Errors, IReadOnlyList<Diagnostic> Notes)
{
    /// <exception cref="PipelineException">It cannot be run.</exception>
    public Pipeline Required() => Pipeline ?? throw new PipelineException(Errors);
}

/// <summary>A pipeline that cannot be run, with every reason.</summary>
public sealed class PipelineException(IReadOnlyList<Diagnostic> errors)
    : Exception(string.Join('\n', errors))
{
    public IReadOnlyList<Diagnostic> Errors { get; } = errors;
}
