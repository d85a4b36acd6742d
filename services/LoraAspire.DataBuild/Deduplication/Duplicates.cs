using System.Security.Cryptography;
using System.Text;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.DataBuild.Deduplication;

/// <summary>
/// Marks records that say what an earlier one said, or ask what a held-out one asks. Two records are compared by all their texts (a sentence pair; a table's cells and the
/// answer; system message, history, instruction, input and output). With held-out records by what is asked: a known question leaks whatever its answer, its task or its place in
/// a conversation. About 1.5 KB of memory a record with <see cref="DedupParams.Near"/>, 40 bytes without.
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

    /// <summary>The records, those dropped that repeat one. The records of one row of a file (both directions of a pair) stand or fall together.</summary>
    /// <param name="repeats">These say the same in many ways on purpose: only held-out records are looked for.</param>
    public IEnumerable<SourceRecord> Mark(IEnumerable<SourceRecord> records, bool repeats = false)
    {
        SourceRecord? before = null;
        string? reason = null;
        foreach (var record in records)
        {
            if (record.Dropped is not null)
            {
                yield return record;
                continue;
            }
            if (before is not null && before.Row == record.Row && before.Source == record.Source)
            {
                // The other direction: the pair the other way round is known from now on.
                _seen.Add(Hash(Whole(record)));
            }
            else
            {
                reason = LeakReason(record) ?? (repeats ? null : RepeatReason(record));
            }
            before = record;
            yield return reason is null ? record : record with { Dropped = reason };
        }
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

    private string? RepeatReason(SourceRecord record)
    {
        if (!with.Exact && with.Near is null)
        {
            return null;
        }
        var text = Whole(record);
        return !_seen.Add(Hash(text)) ? "repeats an earlier record"
            : _nearSeen?.HoldsOrAdd(text) is true ? "nearly repeats an earlier record"
            : null;
    }

    /// <summary>All texts, each normalised by itself, so that nothing moves from one to the next.</summary>
    private static string Whole(SourceRecord source)
    {
        var record = source.Record;
        IEnumerable<string?> texts = source.Pair is { } pair ? [pair.Source, pair.Target]
            : source.Content is { } cells ? [cells, record.Output]
            : [record.System, .. record.History.SelectMany(turn => new[] { turn.Question, turn.Answer }), record.Instruction, record.Input, record.Output];
        return string.Join('\n', texts.Select(text => Normal(text ?? "")));
    }

    /// <summary>What a held-out record asks.</summary>
    private static IEnumerable<string> Held(SourceRecord source) => source.Pair is { } pair ? [Normal(pair.Source), Normal(pair.Target), Prompt(source.Record)]
        : source.Content is { } cells ? [Normal(cells), Prompt(source.Record)]
        : [Prompt(source.Record)];

    /// <summary>What a record to be trained on asks: of a conversation each turn, with those before it and alone, since every answer is learned.</summary>
    private static IEnumerable<string> Asked(SourceRecord source)
    {
        var record = source.Record;
        return record.History.Count == 0 ? Held(source) : [.. Enumerable.Range(0, record.History.Count).Select(turn => Prompt(new(record.History[turn].Question, record.History[turn].Input ?? "", "") { History = [.. record.History.Take(turn)] })),
            .. record.History.Select(turn => Prompt(new(turn.Question, turn.Input ?? "", ""))), Prompt(record), Prompt(record with { History = [] })];
    }

    private static string Prompt(InstructionRecord record) =>
        Normal(string.Join('\n', record.History.SelectMany(turn => new[] { turn.Question, turn.Answer }).Append(record.Instruction).Append(record.Input)));

    /// <summary>White space folded, capitals and full-width forms of ASCII as small half-width letters. Other forms stay: 2² is not 22.</summary>
    internal static string Normal(string text) =>
        string.Join(' ', string.Create(text.Length, text, (narrow, wide) =>
        {
            for (var i = 0; i < wide.Length; i++)
            {
                narrow[i] = wide[i] is >= '\uFF01' and <= '\uFF5E' ? (char)(wide[i] - 0xFEE0) : wide[i];
            }
        }).Normalize(NormalizationForm.FormC).ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static UInt128 Hash(string text) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
