using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Data;

namespace LoraAspire.DataBuild.Output;

/// <summary>Rows that are all the same, of several records: a wrong column or a template without one, and nothing to be learned.</summary>
internal sealed class AlikeRows
{
    private (SourceRecord Record, TokenizedRow Row)? _first;
    private bool _differ, _several;

    /// <summary>The first of the records, when there were several and their rows are all alike; else null.</summary>
    public SourceRecord? All => _several && !_differ ? _first?.Record : null;

    public void Count(SourceRecord record, TokenizedRow row)
    {
        if (_differ)
        {
            return;
        }
        if (_first is not { } first)
        {
            _first = (record, row);
            return;
        }
        // One record that is repeated on purpose is one record.
        _several |= (record.Source, record.Row) != (first.Record.Source, first.Record.Row);
        _differ = !row.InputIds.AsSpan().SequenceEqual(first.Row.InputIds);
    }
}
