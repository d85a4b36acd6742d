using LoraAspire.DataBuild.Deduplication;
using LoraAspire.DataBuild.Grammar;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>The records of all sources, in the order written. The same parameters and files give the same records.</summary>
internal sealed class RecordStream(DataBuildParams with, DataRoot data, WrittenItems written)
{
    private readonly ReadMeter _meter = new();

    /// <summary>How much of the data files has been read, from 0 to 1; 0 while nothing is known.</summary>
    public double ReadShare => _meter.Share;

    public IEnumerable<SourceRecord> Read()
    {
        var relates = Mix.Relates(with.Sources.Select(source => source.Only!));
        _meter.Expect(with.Sources.SelectMany(source => source.Files()).Sum(file => new FileInfo(Find(file).Path).Length) * (relates ? 2 : 1));
        var rows = relates ? Counted() : null;
        var duplicates = Duplicates();
        for (var i = 0; i < with.Sources.Count; i++)
        {
            var source = with.Sources[i].Only!;
            var records = Records(i, duplicates);
            foreach (var record in rows is not null ? Draw(records, rows[i].Available, rows[i].Rows, Seed(i)) : Repeated(source.Sample is { } sample ? Sampled(records, sample, Seed(i)) : records, source.Repeat))
            {
                yield return record;
            }
        }
    }

    /// <summary>Each source has its own draws, so that adding one does not change another. Those held out count downwards from -1.</summary>
    private int Seed(int source) => unchecked(with.Seed + source * 1_000_003);

    /// <summary>Reads everything once to count it: a share or a weight can't be known before.</summary>
    private (long Available, long Rows)[] Counted()
    {
        var duplicates = Duplicates();
        long[] available = [.. Enumerable.Range(0, with.Sources.Count).Select(i => Records(i, duplicates).LongCount(record => record.Dropped is null))];
        return [.. available.Zip(Mix.Rows([.. with.Sources.Select(source => (source.Name, source.Only!))], available))];
    }

    /// <summary>The source's records, those dropped that repeat one of this source or an earlier one.</summary>
    private IEnumerable<SourceRecord> Records(int i, Duplicates? duplicates)
    {
        var records = Filled(with.Sources[i], i);
        // Self-cognition and grammar say the same in many ways on purpose.
        return duplicates is not null && with.Sources[i].Files().Any() ? duplicates.Mark(records) : records;
    }

    private IEnumerable<SourceRecord> Filled(DataSource source, int i)
    {
        var records = Records(source, i);
        return source.Alpaca?.Fill is { Count: > 0 } values ? records.Select(record => record with { Record = Placeholders.Fill(record.Record, values) }) : records;
    }

    /// <summary>Null when nothing is to be compared.</summary>
    private Duplicates? Duplicates()
    {
        if (with.Dedup is { Exact: false, Near: null } && with.HeldOut.Count == 0)
        {
            return null;
        }
        Duplicates duplicates = new(with.Dedup);
        foreach (var record in with.HeldOut.SelectMany((source, i) => Filled(source, ~i)).Where(record => record.Dropped is null))
        {
            duplicates.HoldOut(record);
        }
        return duplicates;
    }

    private DataFile Find(string name) => DataFile.Find(data, name) with { Meter = _meter };

    private static IEnumerable<SourceRecord> Repeated(IEnumerable<SourceRecord> records, int times) =>
        times == 1 ? records : records.SelectMany(record => Enumerable.Repeat(record, record.Dropped is null ? times : 1));

    /// <summary>
    /// <paramref name="rows"/> of <paramref name="available"/> records in their own order: each as often as goes into it whole, and the rest by Knuth's selection
    /// sampling (The Art of Computer Programming 3.4.2, algorithm S), which keeps none of them in memory.
    /// </summary>
    internal static IEnumerable<SourceRecord> Draw(IEnumerable<SourceRecord> records, long available, long rows, int seed)
    {
        Random random = new(seed);
        var (whole, missing) = available == 0 ? (0, 0) : ((int)(rows / available), rows % available);
        foreach (var record in records)
        {
            var times = 1;
            if (record.Dropped is null)
            {
                var chosen = random.NextInt64(available--) < missing;
                missing -= chosen ? 1 : 0;
                times = whole + (chosen ? 1 : 0);
            }
            for (var time = 0; time < times; time++)
            {
                yield return record;
            }
        }
    }

    private IEnumerable<SourceRecord> Records(DataSource source, int i) => source switch
    {
        { Alpaca: { } alpaca } => new AlpacaRecords(alpaca, Find(alpaca.Path)).Read(),
        { Chat: { } chat } => new ChatRecords(Find(chat.Path)).Read(),
        { Table: { } table } => new TableRecords(table, Find(table.Path), Find, Seed(i), written.Templates(i)).Read(),
        { Parallel: { } parallel } => new ParallelRecords(parallel, Find, Seed(i), written.Templates(i)).Read(),
        { SelfCognition: { } self } => SelfCognition(self, written.Records(i)),
        { Grammar: { } grammar } => PairGrammar.Generate(grammar.Count, Seed(i), grammar.Name).Select((record, row) => new SourceRecord(record, "grammar", row)),
        _ => throw new StageException(source.Problem() ?? "a source names nothing"),
    };

    private static IEnumerable<SourceRecord> SelfCognition(SelfCognitionSource self, IReadOnlyList<InstructionRecord> written)
    {
        if (string.IsNullOrWhiteSpace(self.Name) || string.IsNullOrWhiteSpace(self.Developer))
        {
            throw new StageException("self_cognition needs a name and a developer: say what the model is to be called, and who made it.");
        }
        if (new[] { self.Name, self.Developer }.FirstOrDefault(words => words.IndexOfAny(['[', ']', '{', '}', '<', '>']) >= 0) is { } unfilled)
        {
            throw new StageException($"self_cognition: '{unfilled}' looks like a placeholder that was to be filled in. Write the name as the model is to say it.");
        }
        Identity.Identity english = new(self.Name, self.Developer, self.Abilities, self.Languages, InChinese: false);
        return english.All().Concat((english with { InChinese = true }).All()).Concat(written).Select((record, row) =>
            new SourceRecord(record, "self_cognition", row) { Dropped = IdentityCheck.Problem(record, self) });
    }

    /// <summary>A draw of rows by the seed, in their own order; memory holds the sample. All of them when there are fewer. What is dropped comes first, to be counted.</summary>
    internal static IEnumerable<SourceRecord> Sampled(IEnumerable<SourceRecord> records, int count, int seed)
    {
        Records.Draw draw = new(seed);
        List<(int At, SourceRecord Record)> kept = new(Math.Min(count, 1 << 16));
        var seen = 0;
        foreach (var record in records)
        {
            if (record.Dropped is not null)
            {
                yield return record;
                continue;
            }
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
        foreach (var (_, record) in kept.OrderBy(item => item.At))
        {
            yield return record;
        }
    }
}
