using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Lab.RunPages;

/// <summary>Where the cards of a run's stages stand, and the lines from what a stage needs to it.</summary>
/// <param name="Places">In the order of the stages.</param>
public sealed record StageGraph(IReadOnlyList<StagePlace> Places, IReadOnlyList<StageLine> Lines, int Width, int Height)
{
    // Pixels; the style sheet makes a card as large as its place.
    public const int CardWidth = 204;
    public const int CardHeight = 106;
    private const int Across = CardWidth + 40;
    private const int Down = CardHeight + 16;

    /// <summary>Between lines that go around below the cards.</summary>
    private const int Lane = 9;

    /// <summary>A stage stands right of all that it needs, on the level of the first of them where that is free.</summary>
    public static StageGraph Of(IReadOnlyList<StageState> stages)
    {
        Dictionary<string, (int Column, int Row)> cells = [];
        HashSet<(int Column, int Row)> taken = [];
        foreach (var stage in Ordered(stages))
        {
            var needs = stage.Needs.Where(cells.ContainsKey).Select(need => cells[need]).ToList();
            var column = needs.Select(need => need.Column + 1).DefaultIfEmpty(0).Max();
            var row = needs.Select(need => need.Row).DefaultIfEmpty(0).Min();
            while (!taken.Add((column, row)))
            {
                row++;
            }
            cells[stage.Id] = (column, row);
        }
        var (columns, rows) = (cells.Values.Select(cell => cell.Column + 1).DefaultIfEmpty().Max(),
            cells.Values.Select(cell => cell.Row + 1).DefaultIfEmpty().Max());
        var bottom = rows * Down;
        List<StageLine> lines = [];
        foreach (var stage in stages)
        {
            foreach (var need in stage.Needs.Where(cells.ContainsKey))
            {
                var (from, to) = (cells[need], cells[stage.Id]);
                var straight = !taken.Any(cell => cell.Row == from.Row && cell.Column > from.Column && cell.Column < to.Column);
                lines.Add(new(need, stage.Id, straight ? Straight(from, to) : Around(from, to, bottom)));
                bottom += straight ? 0 : Lane;
            }
        }
        return new([.. stages.Select(stage => new StagePlace(stage.Id, cells[stage.Id].Column * Across, cells[stage.Id].Row * Down))],
            lines, columns * Across - (Across - CardWidth), bottom);
    }

    /// <summary>What is needed before what needs it; a circle, which no pipeline has, keeps the order it is written in.</summary>
    private static List<StageState> Ordered(IReadOnlyList<StageState> stages)
    {
        List<StageState> ordered = [];
        HashSet<string> seen = [];
        foreach (var stage in stages)
        {
            Visit(stage);
        }
        return ordered;

        void Visit(StageState stage)
        {
            if (!seen.Add(stage.Id))
            {
                return;
            }
            foreach (var need in stage.Needs.Select(id => stages.FirstOrDefault(other => other.Id == id)).OfType<StageState>())
            {
                Visit(need);
            }
            ordered.Add(stage);
        }
    }

    private static string Straight((int Column, int Row) from, (int Column, int Row) to)
    {
        var (x1, y1) = (from.Column * Across + CardWidth, from.Row * Down + CardHeight / 2);
        var (x2, y2) = (to.Column * Across, to.Row * Down + CardHeight / 2);
        // It bends where it arrives, so that it crosses no card on its way.
        return $"M{x1} {y1}H{x2 - 28}C{x2 - 10} {y1} {x2 - 22} {y2} {x2} {y2}";
    }

    /// <summary>Below all cards, each on a lane of its own.</summary>
    private static string Around((int Column, int Row) from, (int Column, int Row) to, int y)
    {
        var (x1, y1) = (from.Column * Across + CardWidth, from.Row * Down + CardHeight - 20);
        var (x2, y2) = (to.Column * Across, to.Row * Down + CardHeight - 20);
        return $"M{x1} {y1}C{x1 + 14} {y1} {x1 + 14} {y1} {x1 + 14} {y1 + 14}V{y - 12}Q{x1 + 14} {y} {x1 + 26} {y}"
            + $"H{x2 - 26}Q{x2 - 14} {y} {x2 - 14} {y - 12}V{y2 + 14}Q{x2 - 14} {y2} {x2} {y2}";
    }
}

/// <summary>Pixels from the top left corner.</summary>
public sealed record StagePlace(string Stage, int X, int Y);

/// <param name="Path">As SVG draws it.</param>
public sealed record StageLine(string From, string To, string Path);
