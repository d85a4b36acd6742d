using LoraAspire.Model.Data;

namespace LoraAspire.Cli.Data;

/// <summary>A row of a data set for programs.</summary>
internal static class RowJson
{
    public static object Of(RowInspection row, bool withTokens) => new
    {
        row.Row,
        row.Source,
        row.SourceRow,
        line = row.Line > 0 ? row.Line : (long?)null,
        tokens = row.Tokens.Count,
        row.LossTokens,
        row.EndsWithEos,
        segments = row.Segments.Select(segment => new { segment.Text, segment.CarriesLoss }),
        each_token = withTokens ? row.Tokens.Select(token => new { token.Position, token.Id, token.Piece, token.CarriesLoss }) : null,
    };
}
