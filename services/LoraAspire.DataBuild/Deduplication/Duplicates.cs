using System.Security.Cryptography;
using System.Text;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.DataBuild.Deduplication;

/// <summary>
/// Marks records that say what an earlier one said, or ask what a held-out one asks. Two records are compared by all their texts (a
/// sentence pair; a table's cells and the answer; system message, history, instruction, input and output). With held-out records by what is
/// asked: a known question leaks whatever its answer, its task or its place in a conversation. About 1 KB of memory a record and 4 bytes a
/// letter with <see cref="DedupParams.Near"/>, 40 bytes without.
/// </summary>
internal sealed class Duplicates(DedupParams with)
{
    private readonly HashSet<UInt128> _seen = [];
    private readonly HashSet<UInt128> _heldOut = [];
    private readonly NearIndex? _nearSeen = with.Near is { } near ? new(near) : null;
    private readonly NearIndex? _nearHeldOut = with.Near is { } near ? new(near) : null;

    /// <summary>How many records may not be trained on.</summary>
    public long HeldOut { get; private set; }

    /// <summary>Remembers what may not be trained on.</summary>
    public void HoldOut(SourceRecord record)
    {
        HeldOut++;
        foreach (var text in Held(record))
        {
            _heldOut.Add(Hash(text));
            _nearHeldOut?.Add(text);
        }
    }

    /// <summary>
    /// The records, those dropped that repeat one. If one direction of a pair leaks, or the pair nearly repeats another, both directions
    /// go.
    /// </summary>
    /// <param name="repeats">These say the same in many ways on purpose: only held-out records are looked for.</param>
    public IEnumerable<SourceRecord> Mark(IEnumerable<SourceRecord> records, bool repeats = false)
    {
        List<SourceRecord> row = [];
        foreach (var record in records)
        {
            if (row.Count > 0 && (row[0].Row != record.Row || row[0].Source != record.Source))
            {
                foreach (var marked in MarkRow(row, repeats))
                {
                    yield return marked;
                }
                row.Clear();
            }
            row.Add(record);
        }
        foreach (var marked in MarkRow(row, repeats))
        {
            yield return marked;
        }
    }

    /// <summary>The records of one row of a file: one, or the two directions of a pair.</summary>
    private IEnumerable<SourceRecord> MarkRow(List<SourceRecord> row, bool repeats)
    {
        if (row.Count == 0 || row[0].Dropped is not null)
        {
            return [.. row];
        }
        var leak = row.Select(LeakReason).FirstOrDefault(reason => reason is not null);
        if (leak is not null || repeats || with is { Exact: false, Near: null })
        {
            return leak is null ? [.. row] : [.. row.Select(record => record with { Dropped = leak })];
        }
        var texts = row.Select(Whole).ToList();
        var repeated = texts.Select(text => !_seen.Add(Hash(text))).ToList();
        // Both directions have nearly the same 5-grams: only one of them is looked up.
        var near = !repeated[0] && _nearSeen?.HoldsOrAdd(texts[0]) is true;
        return [.. row.Select((record, i) => repeated[i] ? record with { Dropped = "repeats an earlier record" }
            : near ? record with { Dropped = "nearly repeats an earlier record" } : record)];
    }

    private string? LeakReason(SourceRecord record)
    {
        foreach (var text in _heldOut.Count == 0 ? [] : Asked(record))
        {
            if (_heldOut.Contains(Hash(text)))
            {
                return "repeats a held-out record";
            }
            if (_nearHeldOut?.Holds(text) is true)
            {
                return "nearly repeats a held-out record";
            }
        }
        return null;
    }

    /// <summary>All texts, each normalised by itself, so that nothing moves from one to the next.</summary>
    private static string Whole(SourceRecord source)
    {
        var record = source.Record;
        IEnumerable<string?> texts = source.Pair is { } pair ? [pair.Source, pair.Target]
            : source.Content is { } cells ? [cells, record.Output]
            : [record.System, .. record.History.SelectMany(turn => new[] { turn.Question, turn.Answer }), record.Instruction, record.Input,
                record.Output];
        return string.Join('\n', texts.Select(text => Normal(text ?? "")));
    }

    /// <summary>
    /// What a held-out record asks. Of a conversation that are its questions up to each turn; a first one that is as short as a greeting
    /// asks nothing by itself.
    /// </summary>
    private static IEnumerable<string> Held(SourceRecord source)
    {
        if (source.Pair is not null || source.Content is not null)
        {
            return Asked(source);
        }
        var questions = Questions(source.Record);
        return Enumerable.Range(1, questions.Count).Select(turns => Joined(questions, 0, turns))
            .Where((text, i) => i > 0 || questions.Count == 1 || text.Length >= ShortestQuestion);
    }

    private const int ShortestQuestion = 16;

    /// <summary>
    /// What a record to be trained on asks: a pair's sentences, a row's cells, its prompt; of a conversation every stretch of questions,
    /// since every answer is learned.
    /// </summary>
    private static IEnumerable<string> Asked(SourceRecord source)
    {
        var questions = Questions(source.Record);
        IEnumerable<string> parts = source.Pair is { } pair ? [Normal(pair.Source), Normal(pair.Target)]
            : source.Content is { } cells ? [Normal(cells)] : [];
        return parts.Concat(Enumerable.Range(0, questions.Count)
            .SelectMany(from => Enumerable.Range(1, questions.Count - from).Select(turns => Joined(questions, from, turns))));
    }

    /// <summary>Each turn's question with its input; answers and system message don't count.</summary>
    private static List<string> Questions(InstructionRecord record) =>
        [.. record.History.Select(turn => Normal($"{turn.Question}\n{turn.Input}")), Normal($"{record.Instruction}\n{record.Input}")];

    private static string Joined(List<string> questions, int from, int turns) => string.Join('\n', questions.GetRange(from, turns));

    /// <summary>
    /// White space folded, capitals and full-width forms of ASCII as small half-width letters. Other forms stay: 2² is not 22.
    /// </summary>
    internal static string Normal(string text) =>
        string.Join(' ', string.Create(text.Length, text, (narrow, wide) =>
        {
            for (var i = 0; i < wide.Length; i++)
            {
                narrow[i] = wide[i] is >= '\uFF01' and <= '\uFF5E' ? (char)(wide[i] - 0xFEE0) : wide[i];
            }
        }).Normalize(NormalizationForm.FormC).ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static UInt128 Hash(string text) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
