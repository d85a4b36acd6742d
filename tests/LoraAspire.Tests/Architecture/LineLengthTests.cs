using System.Text.RegularExpressions;

namespace LoraAspire.Tests.Architecture;

/// <summary>Lines are read side by side. The .editorconfig says the same to editors, which don't enforce it.</summary>
public sealed partial class LineLengthTests
{
    private const int Longest = 140;

    [Fact]
    public void No_line_of_code_is_longer_than_140_columns()
    {
        var files = SourceFiles.Under(
            "LoraAspire.AppHost", "LoraAspire.ServiceDefaults", "services", "tests", "benchmarks", "tools", "build");
        Assert.True(files.Count > 400, "the folders are looked for in the wrong place");

        Assert.Equal("", string.Join('\n', files.SelectMany(file => TooLong(Path.Combine(SourceFiles.Root, file))
            .Select(line => $"{file}:{line}"))));
    }

    [Fact]
    public void A_long_line_is_found_and_one_of_a_raw_string_is_not()
    {
        var file = Path.GetTempFileName();
        var text = new string('x', Longest);
        File.WriteAllText(file, $"""
            {text}
            {text}y
            var json = {"\"\"\""}
                {text}
                {"\"\"\""};
            // {text}
            """);
        Assert.Equal([2, 6], TooLong(file));
        File.Delete(file);
    }

    /// <summary>Numbers from 1. What stands in a raw string over several lines is data: there a break would change it.</summary>
    private static IEnumerable<int> TooLong(string file)
    {
        var isRaw = false;
        foreach (var (number, line) in File.ReadLines(file).Index())
        {
            if (line.Length > Longest && !isRaw)
            {
                yield return number + 1;
            }
            isRaw ^= RawQuotes().Count(line) % 2 == 1;
        }
    }

    [GeneratedRegex("\"{3,}")]
    private static partial Regex RawQuotes();
}
