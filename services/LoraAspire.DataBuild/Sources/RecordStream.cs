using System.Globalization;
using LoraAspire.DataBuild.Deduplication;
using LoraAspire.DataBuild.Written;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.DataBuild.Sources;

/// <summary>The records of all sources, in the order written. The same parameters and files give the same records.</summary>
/// <param name="report">Told of the counting that a share needs before the first record.</param>
/// <param name="wholeMessages">
/// Rows are made by a chat template, which is given a record's messages with all that they bring; by a prompt template otherwise.
/// </param>
internal sealed class RecordStream(DataBuildParams with, DataRoot data, WrittenItems written, IProgress<StageProgress> report,
    CancellationToken cancellationToken, bool wholeMessages = false)
{
    private readonly ReadMeter _meter = new();

    private readonly List<string> _notes = [];

    /// <summary>What the user should know of files and draws, when all records were read.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>How much of the data files has been read, from 0 to 1; 0 while nothing is known.</summary>
    public double ReadShare => _meter.Share;

    public IEnumerable<SourceRecord> Read()
    {
        var relates = Mix.Relates(with.Sources.Select(source => source.Only!));
        _meter.Expect(
            with.Sources.SelectMany(source => source.Files()).Sum(file => new FileInfo(Find(file).Path).Length) * (relates ? 2 : 1));
        var rows = relates ? Counted() : null;
        var duplicates = Duplicates();
        if (with.HeldOut.Count > 0)
        {
            _notes.Add(string.Create(CultureInfo.InvariantCulture, $"{duplicates!.HeldOut:N0} records are held out."));
        }
        foreach (var (i, source) in with.Sources.Select(source => source.Only!).Index())
        {
            if (rows is not null && rows[i].Rows == 0)
            {
                _notes.Add($"{with.Sources[i].Name}: its {(source.Weight is null ? "share" : "weight")} comes to no row at all.");
            }
            var records = Records(i, duplicates);
            var mixed =
                rows is not null && (source.Share ?? source.Weight) is not null ? records.Drawn(rows[i].Available, rows[i].Rows, Seed(i))
                : source.Sample is { } sample
                ? records.Sampled(sample, Seed(i),
                    fewer: had => _notes.Add(
                        string.Create(CultureInfo.InvariantCulture,
                            $"{with.Sources[i].Name}: sample asks for {sample:N0} records; there are {had:N0}, and all of them are "
                                + $"taken."))).Repeated(source.Repeat)
                : records.Repeated(source.Repeat);
            foreach (var record in mixed)
            {
                yield return record;
            }
        }
    }

    /// <summary>
    /// Each source has its own draws, so that adding one does not change another. Those held out count downwards from -1.
    /// </summary>
    private int Seed(int source) => unchecked(with.Seed + source * 1_000_003);

    /// <summary>Reads everything once to count it: a share or a weight can't be known before.</summary>
    private (long Available, long Rows)[] Counted()
    {
        var duplicates = Duplicates();
        long[] available = [.. Enumerable.Range(0, with.Sources.Count)
            .Select(i => Counting(Records(i, duplicates)).LongCount(record => record.Dropped is null))];
        return [.. available.Zip(Mix.Rows([.. with.Sources.Select(source => (source.Name, source.Only!))], available))];
    }

    private IEnumerable<SourceRecord> Counting(IEnumerable<SourceRecord> records)
    {
        const int often = 5000;
        foreach (var (i, record) in records.Index())
        {
            if (i % often == 0)
            {
                report.Report(new("counting", i));
            }
            yield return record;
        }
    }

    /// <summary>The source's records, those dropped that repeat one of this source or an earlier one, or ask what is held out.</summary>
    private IEnumerable<SourceRecord> Records(int i, Duplicates? duplicates)
    {
        var records = Read(with.Sources[i], i);
        return duplicates is null ? records : duplicates.Mark(records, repeats: !with.Sources[i].Files().Any());
    }

    /// <param name="i">The source's place, downwards from -1 for one that is held out.</param>
    private IEnumerable<SourceRecord> Read(DataSource source, int i) =>
        NotEmpty(source, SourceReader.For(source.Only!)
            .Read(source.Only!, new(Find, Seed(i), written.Of(i)) { EmptyOutput = with.EmptyOutput })
            .Select(record => wholeMessages ? record : record.ForPromptTemplate()).TakeWhile(_ => !Stopped()));

    /// <exception cref="StageException">There is no record at all: a file that was cut off, or the wrong one.</exception>
    internal static IEnumerable<SourceRecord> NotEmpty(DataSource source, IEnumerable<SourceRecord> records)
    {
        var empty = true;
        foreach (var record in records)
        {
            empty = false;
            yield return record;
        }
        if (empty)
        {
            throw new StageException($"{source.Name}: holds no record. Look at the file, or remove the source.");
        }
    }

    /// <summary>Null when nothing is to be compared.</summary>
    private Duplicates? Duplicates()
    {
        if (with.Dedup is { Exact: false, Near: null } && with.HeldOut.Count == 0)
        {
            return null;
        }
        Duplicates duplicates = new(with.Dedup);
        foreach (var record in with.HeldOut.SelectMany((source, i) => Read(source, ~i)).Where(record => record.Dropped is null))
        {
            duplicates.HoldOut(record);
        }
        return duplicates;
    }

    /// <exception cref="OperationCanceledException">The stage is to stop, which nobody else notices while records are only
    /// read.</exception>
    private bool Stopped()
    {
        cancellationToken.ThrowIfCancellationRequested();
        return false;
    }

    private DataFile Find(string name) => DataFile.Find(data, name) with { Meter = _meter, Tell = Note };

    /// <summary>With shares a file is read twice, and says the same.</summary>
    private void Note(string words)
    {
        if (!_notes.Contains(words))
        {
            _notes.Add(words);
        }
    }
}
