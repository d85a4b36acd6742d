using System.Globalization;
using System.Text;
using System.Text.Json;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.DataBuild.Output;

/// <summary>
/// report.md: what is in the data set, what was left out and why, and from which bytes it was made. For people; dataset.json holds the same
/// for programs.
/// </summary>
internal static class DatasetReport
{
    public const string FileName = "report.md";

    private static readonly Dictionary<RowDifference, string> Words = new()
    {
        [RowDifference.TypedSpecialToken] = "a text spells a special token, which alpaca-lora would have injected; here it stays text",
        [RowDifference.MergedOverBoundary] =
            "the template ends without a newline, and alpaca-lora would have merged tokens of prompt and answer",
        [RowDifference.Conversation] = "a conversation of several turns, which alpaca-lora doesn't know",
        [RowDifference.Unexplained] = "for none of the known reasons: look at these rows",
    };

    /// <param name="isChat">A chat template wrote the rows, whatever its name.</param>
    public static void Save(string folder, DatasetSummary summary, DataBuildParams with, bool isChat, Lineage lineage)
    {
        File.WriteAllText(Path.Combine(folder, LengthHistogram.FileName), summary.Lengths.Draw());
        File.WriteAllText(Path.Combine(folder, FileName), Render(summary, with, isChat, lineage));
    }

    private static string Render(DatasetSummary summary, DataBuildParams with, bool isChat, Lineage lineage)
    {
        var total = summary.Total;
        StringBuilder text = new();
        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Line($"# Data set: {total.Written:N0} rows, {total.Tokens:N0} tokens\n");
        var masked = with.TrainOnInputs ? "train_on_inputs: only the first token of a row" : "prompts";
        Line($"- {1 - summary.MaskedShare:P1} of the tokens carry loss; the others are masked ({masked}).");
        Line($"- {total.Truncated:N0} rows were cut at cutoff_len {with.CutoffLen} and have no EOS.");
        text.Append(CultureInfo.InvariantCulture,
            $"- Prompt template {with.PromptTemplateName}, seed {with.Seed}, "
            + $"compat {JsonNamingPolicy.KebabCaseLower.ConvertName(with.Compat.ToString())}.").Append('\n');
        foreach (var note in summary.Notes)
        {
            Line($"- {note}");
        }
        Line($"- Rows as a person reads them, drawn at random: [{Preview.FileName}]({Preview.FileName}).\n");
        Line($"![rows by length]({LengthHistogram.FileName})\n");

        Line($"## Sources\n\n| source | records | written | tokens | with loss | cut | dropped |\n|---|---|---|---|---|---|---|");
        foreach (var (name, count) in summary.Sources.Append(new("**all**", total)))
        {
            text.Append(CultureInfo.InvariantCulture,
            $"| {Cell(name)} | {count.Records:N0} | {count.Written:N0} | {count.Tokens:N0} | {count.LossTokens:N0} "
                + $"| {count.Truncated:N0} | {count.Dropped.Values.Sum():N0} |").Append('\n');
        }
        if (total.Dropped.Count > 0)
        {
            Line($"\n## Dropped\n\n| reason | records |\n|---|---|");
            foreach (var (reason, count) in total.Dropped)
            {
                Line($"| {Cell(reason)} | {count:N0} |");
            }
        }
        Line($"\n## Unlike alpaca-lora\n");
        if (with.Compat == Compat.AlpacaLora)
        {
            Line($"Nothing: compat repeats its rows, defects included.");
        }
        else if (isChat)
        {
            Line($"Every row: alpaca-lora knows no chat template.");
        }
        else if (summary.Differences.Count == 0 && total.Truncated == 0 && !total.Dropped.ContainsKey(RowBuilder.TooLong))
        {
            Line($"Nothing: every row equals the one that alpaca-lora makes.");
        }
        foreach (var (difference, count) in summary.Differences)
        {
            Line($"- {count:N0} rows: {Words[difference]}.");
        }
        if (with.Compat == Compat.None && !isChat && total.Dropped.TryGetValue(RowBuilder.TooLong, out var tooLong))
        {
            text.Append(CultureInfo.InvariantCulture,
            $"- {tooLong:N0} records left out as longer than cutoff_len: alpaca-lora would have cut them, and their answers would "
                + $"have learned never to stop.").Append('\n');
        }

        Line($"\n## Lineage\n\n| what | sha256 |\n|---|---|\n| code | {lineage.Stage} |");
        foreach (var (what, digest) in lineage.Digests())
        {
            Line($"| {Cell(what)} | {digest} |");
        }
        return text.ToString();
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" ");
}
