using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>One item of <c>sources</c>, as in <c>{ alpaca: { path: … } }</c>: it names exactly one kind of source.</summary>
/// <param name="Named">What it names, in the order written.</param>
[JsonConverter(typeof(DataSourceJson))]
public sealed record DataSource(IReadOnlyList<RecordSource> Named)
{
    public static implicit operator DataSource(RecordSource source) => new([source]);

    /// <summary>The one source; null where <see cref="Problem"/> says that it isn't one.</summary>
    public RecordSource? Only => Named is [var only] ? only : null;

    /// <summary>For messages: the file, or the kind of source.</summary>
    public string Name => Files().FirstOrDefault() ?? Only?.Kind ?? "a source";

    public IEnumerable<string> Files() => Named.SelectMany(source => source.Files());

    public string? Problem() => Only is { } source ? source.MixProblem() ?? source.Problem()
        : $"each item names exactly one of {SourceKinds.Names}";
}
