using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.DataBuild.Sources;

/// <summary>Reads one kind of source. The class that implements it for a source's record is found: nothing lists it.</summary>
internal interface ISourceReader<in T> where T : RecordSource
{
    static abstract IEnumerable<SourceRecord> Read(T source, SourceContext context);

    /// <summary>What a chat model is asked to write for the source: nothing, unless a reader says otherwise.</summary>
    static virtual IEnumerable<Assignment> Asked(T source, SourceContext context) => [];
}

/// <summary>What a source is read with.</summary>
/// <param name="Find">A data file by its name in the YAML.</param>
/// <param name="Seed">Of the source's own draws.</param>
/// <param name="Written">What a chat model wrote for it: what its reader asked for.</param>
internal sealed record SourceContext(Func<string, DataFile> Find, int Seed, IReadOnlyList<object> Written)
{
    /// <summary>What is to become of records without an answer.</summary>
    public EmptyOutput EmptyOutput { get; init; }

    public IReadOnlyList<Template> WrittenTemplates =>
        [.. Written.Select((text, i) => new Template((string)text, $"written template {i + 1}"))];

    public IEnumerable<InstructionRecord> WrittenRecords => Written.Cast<InstructionRecord>();
}

/// <summary>The reader of a source that is known by its base record alone.</summary>
internal abstract class SourceReader
{
    private static readonly Dictionary<Type, SourceReader> All = (
        from type in typeof(SourceReader).Assembly.GetTypes()
        from reads in type.GetInterfaces()
        where reads.IsGenericType && reads.GetGenericTypeDefinition() == typeof(ISourceReader<>)
        let source = reads.GetGenericArguments()[0]
        select (source, reader: (SourceReader)Activator.CreateInstance(typeof(Of<,>).MakeGenericType(type, source))!)).ToDictionary();

    public static SourceReader For(RecordSource source) => For(source.GetType());

    internal static SourceReader For(Type source) => All[source];

    public abstract IEnumerable<SourceRecord> Read(RecordSource source, SourceContext context);

    public abstract IEnumerable<Assignment> Asked(RecordSource source, SourceContext context);

    private sealed class Of<TReader, TSource> : SourceReader where TReader : ISourceReader<TSource> where TSource : RecordSource
    {
        public override IEnumerable<SourceRecord> Read(RecordSource source, SourceContext context) =>
            TReader.Read((TSource)source, context);

        public override IEnumerable<Assignment> Asked(RecordSource source, SourceContext context) =>
            TReader.Asked((TSource)source, context);
    }
}
