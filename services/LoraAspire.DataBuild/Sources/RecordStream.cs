using LoraAspire.DataBuild.Grammar;
using LoraAspire.DataBuild.Records;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>The records of all sources, in the order written. The same parameters and files give the same records.</summary>
internal sealed class RecordStream(DataBuildParams with, DataRoot data)
{
    public IEnumerable<SourceRecord> Read()
    {
        for (var i = 0; i < with.Sources.Count; i++)
        {
            // Each source has its own draws, so that adding one does not change another.
            var seed = unchecked(with.Seed + i * 1_000_003);
            var source = with.Sources[i];
            var (sample, repeat) = (source.Only!.Sample, source.Only.Repeat);
            foreach (var record in sample is { } count ? Sampled(Records(source, seed), count, seed) : Records(source, seed))
            {
                for (var time = 0; time < repeat; time++)
                {
                    yield return record;
                }
            }
        }
    }

    private IEnumerable<SourceRecord> Records(DataSource source, int seed) => source switch
    {
        { Alpaca: { } alpaca } => new AlpacaRecords(DataFile.Find(data, alpaca.Path)).Read(),
        { Parallel: { } parallel } => new ParallelRecords(parallel, DataFile.Find(data, parallel.Path),
            parallel.Templates is { } list ? DataFile.Find(data, list) : null, seed).Read(),
        { SelfCognition: { } self } => SelfCognition(self),
        { Chat: not null } => throw new StageException("chat sources can't be read yet."),
        { Table: not null } => throw new StageException("table sources can't be read yet."),
        { Grammar: { } grammar } => PairGrammar.Generate(grammar.Count, seed, grammar.Name).Select((record, row) => new SourceRecord(record, "grammar", row)),
        _ => throw new StageException(source.Problem() ?? "a source names nothing"),
    };

    private static IEnumerable<SourceRecord> SelfCognition(SelfCognitionSource self)
    {
        if (string.IsNullOrWhiteSpace(self.Name) || string.IsNullOrWhiteSpace(self.Developer))
        {
            throw new StageException("self_cognition needs a name and a developer: say what the model is to be called, and who made it.");
        }
        Identity.Identity english = new(self.Name, self.Developer, self.Abilities, InChinese: false);
        return english.All().Concat((english with { InChinese = true }).All()).Select((record, row) => new SourceRecord(record, "self_cognition", row));
    }

    /// <summary>A draw of rows by the seed, in their own order; memory holds the sample. All of them when there are fewer.</summary>
    internal static IEnumerable<SourceRecord> Sampled(IEnumerable<SourceRecord> records, int count, int seed)
    {
        Draw draw = new(seed);
        List<(int At, SourceRecord Record)> kept = new(Math.Min(count, 1 << 16));
        var seen = 0;
        foreach (var record in records)
        {
            if (kept.Count < count)
            {
                kept.Add((seen, record));
            }
            else if (draw.Between(0, seen) is var place && place < count)
            {
                kept[place] = (seen, record);
            }
            seen++;
        }
        return kept.OrderBy(item => item.At).Select(item => item.Record);
    }
}
