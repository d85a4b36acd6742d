using System.Text;
using Apache.Arrow;
using Apache.Arrow.Types;

namespace LoraAspire.Model.Data;

/// <summary>
/// A tokenised instruction data set: dataset.arrow, an Arrow IPC stream of columns input_ids and labels (list of int32), source (text), row
/// and line (int64, the record's place in its source, from 0, and the line of the file it starts at, from 1; 0 where there is none). A
/// large one goes on in dataset.1.arrow and so on, since a file is mapped up to 2 GiB. Memory-mapped: opening reads the batches' headers
/// and offsets, which are held to the buffers; spans point into the file.
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

    private static readonly byte[][] Columns = [.. Schema.FieldsList.Select(field => Encoding.UTF8.GetBytes(field.Name))];

    private readonly List<MappedFile> _files = [];
    private readonly List<RowBatch> _batches = [];

    private InstructionDataset(IEnumerable<string> files)
    {
        try
        {
            foreach (var path in files)
            {
                _files.Add(new MappedFile(path));
                foreach (var batch in ArrowStream.Read(_files[^1].Memory, Columns).Where(batch => batch.Rows > 0))
                {
                    _batches.Add(new(batch, Count));
                    Count = checked(Count + _batches[^1].Rows);
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
        catch (Exception error) when (error is InvalidDataException or ArgumentException or OverflowException)
        {
            throw new ModelException($"{path}: not a readable Arrow stream: {error.Message} Build the data set again.", error);
        }
    }

    /// <summary>
    /// Holds every id, and every label that carries loss, to the vocabulary of who is going to look them up; reads the whole file.
    /// </summary>
    /// <exception cref="ModelException">The data set was made with another tokenizer, or it is damaged.</exception>
    public void RequireIdsBelow(int vocabulary)
    {
        for (var row = 0; row < Count; row++)
        {
            ReadOnlySpan<int> ids = InputIds(row), labels = Labels(row);
            if (ids.IndexOfAnyExceptInRange(0, vocabulary - 1) is >= 0 and var id)
            {
                throw Unknown(row, $"token id {ids[id]}");
            }
            foreach (var label in labels)
            {
                if ((uint)label >= (uint)vocabulary && label != NoLoss)
                {
                    throw Unknown(row, $"label {label}");
                }
            }
        }

        ModelException Unknown(int row, string what) =>
            new($"Row {row} of the data set has the {what}, but the vocabulary has {vocabulary} tokens: the data set was built with "
                + "another tokenizer, or it is damaged. Give data-build the same base, and build it again.");
    }

    public int Length(int row) => Find(row, out var at).Length(at);

    public ReadOnlySpan<int> InputIds(int row) => Find(row, out var at).IdsOf(at);

    /// <summary>As long as the ids; <see cref="NoLoss"/> where there is no loss.</summary>
    public ReadOnlySpan<int> Labels(int row) => Find(row, out var at).LabelsOf(at);

    /// <summary>The record that a row was made of. Rows with the same one are its copies, or the two directions of one pair.</summary>
    public (string Source, long Row) Record(int row)
    {
        var batch = Find(row, out var at);
        return (batch.SourceOf(at), batch.NumberOf(at));
    }

    /// <summary>Where the record came from; see the columns.</summary>
    public (string Source, long Row, long Line) Origin(int row)
    {
        var batch = Find(row, out var at);
        return (batch.SourceOf(at), batch.NumberOf(at), batch.LineOf(at));
    }

    public void Dispose() => _files.ForEach(file => ((IDisposable)file).Dispose());

    /// <param name="at">The row's place in its batch.</param>
    private RowBatch Find(int row, out int at)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Count);
        var (first, last) = (0, _batches.Count - 1);
        while (first < last)
        {
            var middle = (first + last + 1) / 2;
            (first, last) = _batches[middle].Start <= row ? (middle, last) : (first, middle - 1);
        }
        at = row - _batches[first].Start;
        return _batches[first];
    }
}
