using System.Globalization;
using System.Text;
using LoraAspire.Charts;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Trainer.Card;

/// <summary>loss.svg: the training loss faint, its exponential mean over it, the validation loss as dots.</summary>
internal static class LossCurve
{
    public const string FileName = "loss.svg";

    private const int Width = 860, Height = 380, Left = 56, Right = 16, Top = 34, Bottom = 34;

    public static string Draw(IReadOnlyList<StepMetrics> steps)
    {
        CurvePoint[] loss = [.. steps.Select(step => new CurvePoint(step.Step, step.Loss))];
        CurvePoint[] smoothed = [.. steps.Select(step => new CurvePoint(step.Step, step.SmoothedLoss))];
        CurvePoint[] eval =
            [.. steps.Where(step => step.EvalLoss is not null).Select(step => new CurvePoint(step.Step, step.EvalLoss!.Value))];
        var plot = Plot.Of([.. loss, .. eval], steps[^1].Step);
        var svg = new StringBuilder();
        void Add(FormattableString line) => svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
        double X(double step) => Math.Round(Left + (plot.X(step) / 100 * (Width - Left - Right)), 1);
        double Y(double value) => Math.Round(Top + (plot.Y(value) / 100 * (Height - Top - Bottom)), 1);
        string Path(IReadOnlyList<CurvePoint> points) =>
            "M" + string.Join('L', Plot.Thin(points).Select(point => FormattableString.Invariant($"{X(point.Step)} {Y(point.Value)}")));

        svg.Append(CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"system-ui, sans-serif\" "
            + $"font-size=\"12\" fill=\"#5b6470\">").Append('\n');
        Add($"<rect width=\"{Width}\" height=\"{Height}\" fill=\"#ffffff\"/>");
        foreach (var rule in plot.Rules)
        {
            svg.Append(CultureInfo.InvariantCulture,
            $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(rule)}\" y2=\"{Y(rule)}\" stroke=\"#e3e6ea\"/><text "
                + $"x=\"{Left - 8}\" y=\"{Y(rule) + 4}\" text-anchor=\"end\">{rule:0.####}</text>").Append('\n');
        }
        foreach (var step in plot.Steps)
        {
            Add($"<text x=\"{X(step)}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{step:0}</text>");
        }
        Add($"<path d=\"{Path(loss)}\" fill=\"none\" stroke=\"#2f6fde\" stroke-opacity=\"0.3\"/>");
        Add($"<path d=\"{Path(smoothed)}\" fill=\"none\" stroke=\"#2f6fde\" stroke-width=\"2\"/>");
        foreach (var point in Plot.Thin(eval, 60))
        {
            Add($"<circle cx=\"{X(point.Step)}\" cy=\"{Y(point.Value)}\" r=\"3.5\" fill=\"#d9622b\"/>");
        }
        var (separator, validation) = eval.Length > 0 ? (";", " validation loss") : ("", "");
        svg.Append(CultureInfo.InvariantCulture,
            $"<text x=\"{Left}\" y=\"20\"><tspan fill=\"#2f6fde\">training loss</tspan>, smoothed{separator}"
            + $"<tspan fill=\"#d9622b\">{validation}</tspan> over optimiser steps</text>").Append('\n');
        return svg.Append("</svg>\n").ToString();
    }
}
