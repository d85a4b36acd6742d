using Apache.Arrow;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;

namespace LoraAspire.Model.Data;

/// <summary>
/// A tokenised instruction data set: dataset.arrow, an Arrow IPC stream of columns input_ids and labels (list of int32), source (text), row and line (int64,
/// the record's place in its source, from 0, and the line of the file it starts at, from 1; 0 where there is none). A large one goes on in dataset.1.arrow and so on, since a
/// file is mapped up to 2 GiB. Memory-mapped: opening reads the batches' headers, spans point into the file.
/// </summary>
public sealed class InstructionDataset : IDisposable
{
    public const string FileName = "dataset.arrow";

    /// <summary>The folder beside it that holds the tokenizer it was made with.</summary>
    public const string TokenizerFolder = "tokenizer";

    /// <summary>The label of a token that carries no loss.</summary>
    public const int NoLoss = -100;

    internal static Schema Schema { get; } = new(
        [
            new Field("input_ids", new ListType(Int32Type.Default), nullable: false),
            new Field("labels", new ListType(Int32Type.Default), nullable: false),
            new Field("source", StringType.Default, nullable: false),
            new Field("row", Int64Type.Default, nullable: false),
            new Field("line", Int64Type.Default, nullable: false),
        ], metadata: null);

    private readonly List<MappedFile> _files = [];
    private readonly List<ArrowStreamReader> _readers = [];
    private readonly List<RecordBatch> _batches = [];
    /// <summary>The row that each batch begins with.</summary>
    private readonly List<int> _starts = [];

    private InstructionDataset(IEnumerable<string> files)
    {
        try
        {
            foreach (var path in files)
            {
                _files.Add(new MappedFile(path));
                _readers.Add(new ArrowStreamReader(_files[^1].Memory));
                while (_readers[^1].ReadNextRecordBatch() is { } batch)
                {
                    _batches.Add(batch);
                    _starts.Add(Count);
                    Count = checked(Count + batch.Length);
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Count { get; private set; }

    /// <summary>The name of a part, from 0.</summary>
    internal static string PartName(int part) => part == 0 ? FileName : $"dataset.{part}.arrow";

    /// <summary>The files of the data set in a folder, in their order; none when there is no data set.</summary>
    public static IEnumerable<string> Files(string directory) =>
        Enumerable.Range(0, int.MaxValue).Select(part => Path.Combine(directory, PartName(part))).TakeWhile(File.Exists);

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
            return new InstructionDataset(Files(directory));
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
        _readers.ForEach(reader => reader.Dispose());
        _files.ForEach(file => ((IDisposable)file).Dispose());
    }

    private ReadOnlySpan<int> List(int row, int column)
    {
        var (batch, index) = Find(row);
        var list = (ListArray)batch.Column(column);
        return ((Int32Array)list.Values).Values.Slice(list.ValueOffsets[index], list.GetValueLength(index));
    }

    private (RecordBatch Batch, int Index) Find(int row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Count);
        var found = _starts.BinarySearch(row);
        var at = found >= 0 ? found : ~found - 1;
        return (_batches[at], row - _starts[at]);
    }
}
