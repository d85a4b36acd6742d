using System.Runtime.InteropServices;
using System.Text;

namespace LoraAspire.Model.Data;

/// <summary>
/// Rows of dataset.arrow, in place. Made only of buffers that hold what their header says, with offsets that ascend and end inside.
/// </summary>
internal sealed class RowBatch
{
    // The order of Arrow's buffers: of a list its validity and offsets, then its child's validity and values; of a text validity, offsets,
    // letters; of a number validity, values.
    private const int IdOffsets = 1, Ids = 3, LabelOffsets = 5, Labels = 7, SourceOffsets = 9, SourceLetters = 10, RowNumbers = 12, Lines =
        14, Buffers = 15;

    private readonly ReadOnlyMemory<byte>[] _buffers;

    /// <param name="start">The data set's row that it begins with.</param>
    /// <exception cref="InvalidDataException">What doesn't fit.</exception>
    /// <exception cref="ArgumentException">A buffer lies outside the file.</exception>
    public RowBatch(ArrowBatch batch, int start)
    {
        if (batch is not
            {
                NodeLengths: [var rows, var ids, var labelRows, var labels, var sources, var numbers, var lines],
                Buffers.Length: Buffers
            }
            || Array.Exists([rows, labelRows, sources, numbers, lines], length => length != batch.Rows) || rows is < 0 or > int.MaxValue)
        {
            throw new InvalidDataException($"a batch of {batch.Rows} rows has columns of other lengths.");
        }
        (Start, Rows) = (start, (int)rows);
        _buffers = [.. batch.Buffers.Select(buffer => batch.Body.Slice(checked((int)buffer.Offset), checked((int)buffer.Length)))];
        RequireOffsets(IdOffsets, Room<int>(Ids, ids));
        RequireOffsets(LabelOffsets, Room<int>(Labels, labels));
        RequireOffsets(SourceOffsets, _buffers[SourceLetters].Length);
        Room<long>(RowNumbers, rows);
        Room<long>(Lines, rows);
        ReadOnlySpan<int> idsEnd = Values<int>(IdOffsets), labelsEnd = Values<int>(LabelOffsets);
        for (var row = 0; row < Rows; row++)
        {
            var (tokens, taught) = (idsEnd[row + 1] - idsEnd[row], labelsEnd[row + 1] - labelsEnd[row]);
            if (tokens == 0 || tokens != taught)
            {
                throw new InvalidDataException($"row {start + row} has {tokens} ids and {taught} labels.");
            }
        }
    }

    public int Start { get; }

    public int Rows { get; }

    public int Length(int row) => Values<int>(IdOffsets)[row + 1] - Values<int>(IdOffsets)[row];

    public ReadOnlySpan<int> IdsOf(int row) => List(row, IdOffsets, Ids);

    public ReadOnlySpan<int> LabelsOf(int row) => List(row, LabelOffsets, Labels);

    public string SourceOf(int row)
    {
        var offsets = Values<int>(SourceOffsets);
        return Encoding.UTF8.GetString(_buffers[SourceLetters].Span[offsets[row]..offsets[row + 1]]);
    }

    public long NumberOf(int row) => Values<long>(RowNumbers)[row];

    public long LineOf(int row) => Values<long>(Lines)[row];

    private ReadOnlySpan<int> List(int row, int offsetsAt, int values)
    {
        var offsets = Values<int>(offsetsAt);
        return Values<int>(values)[offsets[row]..offsets[row + 1]];
    }

    private ReadOnlySpan<T> Values<T>(int buffer) where T : struct => MemoryMarshal.Cast<byte, T>(_buffers[buffer].Span);

    private int Room<T>(int buffer, long needed) where T : struct => needed >= 0 && needed <= Values<T>(buffer).Length ? (int)needed
        : throw new InvalidDataException($"a column holds {Values<T>(buffer).Length} values, but its header says {needed}.");

    /// <summary>One more than there are rows, none below the one before, none beyond the end.</summary>
    private void RequireOffsets(int buffer, int end)
    {
        Room<int>(buffer, Rows + 1L);
        var before = 0;
        foreach (var offset in Values<int>(buffer)[..(Rows + 1)])
        {
            if (offset < before || offset > end)
            {
                throw new InvalidDataException($"an offset is {offset}, where {before} to {end} could stand.");
            }
            before = offset;
        }
    }
}
