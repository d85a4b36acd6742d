using Apache.Arrow;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;

namespace LoraAspire.Model.Data;

/// <summary>
/// A tokenised instruction data set: dataset.arrow, an Arrow IPC stream of columns input_ids and labels (list of int32), source (text), row and line (int64,
/// the record's place in its source, from 0, and the line of the file it starts at, from 1; 0 where there is none). Memory-mapped: opening reads the batches' headers, spans point into the file.
/// </summary>
public sealed class InstructionDataset : IDisposable
{
    public const string FileName = "dataset.arrow";

    /// <summary>The folder beside it that holds the tokenizer it was made with.</summary>
    public const string TokenizerFolder = "tokenizer";

    /// <summary>The label of a token that carries no loss.</summary>
    public const int NoLoss = -100;

    internal const int RowsPerBatch = 16_384;

    internal static Schema Schema { get; } = new(
        [
            new Field("input_ids", new ListType(Int32Type.Default), nullable: false),
            new Field("labels", new ListType(Int32Type.Default), nullable: false),
            new Field("source", StringType.Default, nullable: false),
            new Field("row", Int64Type.Default, nullable: false),
            new Field("line", Int64Type.Default, nullable: false),
        ], metadata: null);

    private readonly MappedFile _file;
    private readonly ArrowStreamReader _reader;
    private readonly List<RecordBatch> _batches = [];

    private InstructionDataset(string path)
    {
        _file = new MappedFile(path);
        _reader = new ArrowStreamReader(_file.Memory);
        while (_reader.ReadNextRecordBatch() is { } batch)
        {
            _batches.Add(batch);
        }
        Count = _batches.Sum(batch => batch.Length);
    }

    public int Count { get; }

    /// <exception cref="ModelException">No data set there, or not one of ours.</exception>
    public static InstructionDataset Open(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path) || new FileInfo(path).Length == 0)
        {
            throw new ModelException($"No {FileName} in {directory}: it is not a data set that data-build wrote.");
        }
        try
        {
            return new InstructionDataset(path);
        }
        catch (Exception error) when (error is InvalidDataException or InvalidOperationException or ArgumentException or OverflowException or EndOfStreamException)
        {
            throw new ModelException($"{path}: not a readable Arrow stream: {error.Message} Build the data set again.", error);
        }
    }

    public int Length(int row)
    {
        var (batch, index) = Find(row);
        return ((ListArray)batch.Column(0)).GetValueLength(index);
    }

    public ReadOnlySpan<int> InputIds(int row) => List(row, 0);

    /// <summary>As long as the ids; <see cref="NoLoss"/> where there is no loss.</summary>
    public ReadOnlySpan<int> Labels(int row) => List(row, 1);

    /// <summary>The record that a row was made of. Rows with the same one are its copies, or the two directions of one pair.</summary>
    public (string Source, long Row) Record(int row)
    {
        var (batch, index) = Find(row);
        return (((StringArray)batch.Column(2)).GetString(index), ((Int64Array)batch.Column(3)).Values[index]);
    }

    /// <summary>Where the record came from; see the columns.</summary>
    public (string Source, long Row, long Line) Origin(int row)
    {
        var (batch, index) = Find(row);
        return (((StringArray)batch.Column(2)).GetString(index), ((Int64Array)batch.Column(3)).Values[index], ((Int64Array)batch.Column(4)).Values[index]);
    }

    public void Dispose()
    {
        _batches.ForEach(batch => batch.Dispose());
        _reader.Dispose();
        ((IDisposable)_file).Dispose();
    }

    private ReadOnlySpan<int> List(int row, int column)
    {
        var (batch, index) = Find(row);
        var list = (ListArray)batch.Column(column);
        return ((Int32Array)list.Values).Values.Slice(list.ValueOffsets[index], list.GetValueLength(index));
    }

    /// <summary>All batches but the last have the same number of rows.</summary>
    private (RecordBatch Batch, int Index) Find(int row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Count);
        var size = _batches[0].Length;
        return (_batches[row / size], row % size);
    }
}
