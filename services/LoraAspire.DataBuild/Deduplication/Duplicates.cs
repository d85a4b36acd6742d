using System.Security.Cryptography;
using System.Text;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.DataBuild.Deduplication;

/// <summary>
/// Marks records that say what an earlier one said, or what a held-out one asks. Two records are compared by their whole texts (a sentence pair, or history,
/// instruction, input and output); with held-out records by the prompt alone, or either sentence of a pair: a known question leaks whatever its answer.
/// About 1 KB of memory a record with <see cref="DedupParams.Near"/>, 40 without.
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
        foreach (var text in Prompts(record).Select(Normal))
        {
            _heldOut.Add(Hash(text));
            _nearHeldOut?.Add(text);
        }
    }

    /// <summary>The records, those dropped that repeat one. The records of one row of a file (both directions of a pair) stand or fall together.</summary>
    public IEnumerable<SourceRecord> Mark(IEnumerable<SourceRecord> records)
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
            reason = before is not null && before.Row == record.Row && before.Source == record.Source ? reason : Reason(record);
            before = record;
            yield return reason is null ? record : record with { Dropped = reason };
        }
    }

    private string? Reason(SourceRecord record)
    {
        if (_heldOut.Count > 0)
        {
            foreach (var prompt in Prompts(record).Select(Normal))
            {
                if (_heldOut.Contains(Hash(prompt)))
                {
                    return "repeats a held-out record";
                }
                if (_nearHeldOut?.Holds(prompt) is true)
                {
                    return "nearly repeats a held-out record";
                }
            }
        }
        if (!with.Exact && with.Near is null)
        {
            return null;
        }
        var text = Normal(Whole(record));
        return !_seen.Add(Hash(text)) ? "repeats an earlier record"
            : _nearSeen?.HoldsOrAdd(text) is true ? "nearly repeats an earlier record"
            : null;
    }

    private static string Whole(SourceRecord record) => record.Pair is { } pair ? pair.Source + "\t" + pair.Target
        : record.Content is { } cells ? cells + "\n" + record.Record.Output
        : string.Join('\n', record.Record.History.SelectMany(turn => new[] { turn.Question, turn.Answer }).Append(record.Record.Instruction).Append(record.Record.Input).Append(record.Record.Output));

    private static IEnumerable<string> Prompts(SourceRecord record) => record.Pair is { } pair ? [pair.Source, pair.Target]
        : record.Content is { } cells ? [cells]
        : [string.Join('\n', record.Record.History.SelectMany(turn => new[] { turn.Question, turn.Answer }).Append(record.Record.Instruction).Append(record.Record.Input))];

    /// <summary>Compatibility forms unified, white space folded, capitals lowered.</summary>
    internal static string Normal(string text) =>
        string.Join(' ', text.Normalize(NormalizationForm.FormKC).ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static UInt128 Hash(string text) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
