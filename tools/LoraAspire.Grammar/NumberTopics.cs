using LoraAspire.DataBuild.Records;

namespace LoraAspire.Grammar;

/// <summary>Sums, differences, counting, comparing, and small problems about people who have things.</summary>
internal static class NumberTopics
{
    private static readonly string[] Plus = ["What is {0} plus {1}?", "What is {0} + {1}?", "{0} + {1} = ?", "{0}+{1}=?",
        "Add {0} and {1}.", "Calculate {0} + {1}.", "How much is {0} plus {1}?", "Compute the sum.|{0} + {1}", "Calculate.|{0} + {1}"];
    private static readonly string[] Minus = ["What is {0} minus {1}?", "What is {0} - {1}?", "{0} - {1} = ?", "{0}-{1}=?",
        "Subtract {1} from {0}.", "Calculate {0} - {1}.", "How much is {0} minus {1}?", "Calculate.|{0} - {1}"];
    private static readonly string[] Times = ["What is {0} times {1}?", "What is {0} x {1}?", "{0} x {1} = ?", "Multiply {0} by {1}.",
        "How much is {0} times {1}?", "Calculate.|{0} x {1}"];
    private static readonly string[] ZhPlus =
        ["{0}加{1}等于几？", "{0} + {1} 等于多少？", "计算：{0} + {1}", "{0}加{1}是多少？", "请算一下{0}加{1}。", "计算下面的题。|{0} + {1}"];
    private static readonly string[] ZhMinus = ["{0}减{1}等于几？", "{0} - {1} 等于多少？", "计算：{0} - {1}", "{0}减{1}是多少？", "计算下面的题。|{0} - {1}"];
    private static readonly string[] ZhTimes = ["{0}乘{1}等于几？", "{0} x {1} 等于多少？", "计算：{0} x {1}", "{0}乘以{1}是多少？"];

    public static InstructionRecord Arithmetic(Draw draw)
    {
        // Small numbers come often enough to be learnt well.
        var top = draw.Pick([10, 10, 20, 20, 50, 99]);
        var (a, b) = (draw.Between(0, top), draw.Between(0, top));
        var (large, small) = (Math.Max(a, b), Math.Min(a, b));
        return draw.Between(0, 5) switch
        {
            0 or 1 => draw.Ask(draw.Chance(0.6) ? Plus : ZhPlus, $"{a} + {b} = {a + b}", a, b),
            2 or 3 => draw.Ask(draw.Chance(0.6) ? Minus : ZhMinus, $"{large} - {small} = {large - small}", large, small),
            4 => draw.Ask(Plus, $"{a} + {b} = {a + b}", a, b),
            _ => Product(draw),
        };
    }

    private static InstructionRecord Product(Draw draw)
    {
        var (a, b) = (draw.Between(0, 10), draw.Between(0, 10));
        return draw.Ask(draw.Chance(0.6) ? Times : ZhTimes, $"{a} x {b} = {a * b}", a, b);
    }

    public static InstructionRecord Compare(Draw draw)
    {
        var a = draw.Between(1, 99);
        var b = draw.Between(1, 98);
        b = b >= a ? b + 1 : b;
        return draw.Between(0, 3) switch
        {
            0 => draw.Ask(["Which number is bigger, {0} or {1}?", "Which is larger, {0} or {1}?", "Find the bigger number.|{0}, {1}"],
                $"{Math.Max(a, b)} is bigger than {Math.Min(a, b)}.", a, b),
            1 => draw.Ask(["Which number is smaller, {0} or {1}?", "Find the smaller number.|{0}, {1}"],
                $"{Math.Min(a, b)} is smaller than {Math.Max(a, b)}.", a, b),
            2 => draw.Ask(["{0}和{1}哪个大？", "哪个数更大，{0}还是{1}？"], $"{Math.Max(a, b)}比{Math.Min(a, b)}大。", a, b),
            _ => draw.Ask(["{0}和{1}哪个小？", "哪个数更小，{0}还是{1}？"], $"{Math.Min(a, b)}比{Math.Max(a, b)}小。", a, b),
        };
    }

    public static InstructionRecord Counting(Draw draw)
    {
        var (start, length) = (draw.Between(1, 40), draw.Between(3, 9));
        var up = Enumerable.Range(start, length).ToList();
        return draw.Between(0, 4) switch
        {
            0 => draw.Ask(["Count from {0} to {1}.", "Please count from {0} to {1}.", "Write the numbers from {0} to {1}."],
                string.Join(", ", up), up[0], up[^1]),
            1 => draw.Ask(["从{0}数到{1}。", "请从{0}数到{1}。"], string.Join("、", up), up[0], up[^1]),
            2 => draw.Ask(["Count down from {1} to {0}.", "Count backwards from {1} to {0}."], string.Join(", ", Enumerable.Reverse(up)),
                up[0], up[^1]),
            3 => draw.Ask(["What number comes after {0}?", "Which number is next after {0}?"], $"{start + 1} comes after {start}.", start),
            _ => draw.Ask(["{0}后面的数是几？", "{0}的下一个数是什么？"], $"{start}后面的数是{start + 1}。", start),
        };
    }

    public static InstructionRecord Sorting(Draw draw)
    {
        var numbers = draw.Some([.. Enumerable.Range(1, 60)], draw.Between(3, 4));
        var given = string.Join(", ", numbers);
        return draw.Between(0, 3) switch
        {
            0 => draw.Ask(["Sort these numbers.|{0}", "Put the numbers in order.|{0}", "Sort the numbers: {0}"],
                string.Join(", ", numbers.Order()), given),
            1 => draw.Ask(["What is the biggest number?|{0}", "Find the largest number: {0}"], $"The biggest number is {numbers.Max()}.",
                given),
            2 => draw.Ask(["What is the smallest number?|{0}", "Find the smallest number: {0}"], $"The smallest number is {numbers.Min()}.",
                given),
            _ => draw.Ask(["把这些数从小到大排列。|{0}", "从小到大排列：{0}"], string.Join(", ", numbers.Order()), given),
        };
    }

    public static InstructionRecord Parity(Draw draw)
    {
        var number = draw.Between(0, 99);
        var even = number % 2 == 0;
        return draw.Chance(0.6)
            ? draw.Ask(["Is {0} even or odd?", "Is the number {0} odd or even?"], $"{number} is {(even ? "even" : "odd")}.", number)
            : draw.Ask(["{0}是奇数还是偶数？"], $"{number}是{(even ? "偶数" : "奇数")}。", number);
    }

    public static InstructionRecord InWords(Draw draw)
    {
        var number = draw.Between(0, 20);
        return draw.Between(0, 2) switch
        {
            0 => draw.Ask(["Write the number {0} in words.", "How do you write {0} in words?", "Write in words.|{0}"],
                Forms.Capital(Lexicon.Numbers[number]) + ".", number),
            1 => draw.Ask(["Write {0} as a number.", "Write as a number.|{0}"], $"{number}", Lexicon.Numbers[number]),
            _ => draw.Ask(["数字{0}用汉字怎么写？", "用汉字写出{0}。"], Lexicon.ZhNumbers[number] + "。", number),
        };
    }

    public static InstructionRecord Problem(Draw draw)
    {
        var (who, what) = (draw.Pick(Lexicon.Named), draw.Pick([.. Lexicon.Fruits, .. Lexicon.Things]));
        var (a, b) = (draw.Between(2, 12), draw.Between(2, 10));
        var more = draw.Chance(0.5);
        (a, b) = more || a > b ? (a, b) : (b + 1, a);
        var (sign, result) = more ? ('+', a + b) : ('-', a - b);
        if (draw.Chance(0.6))
        {
            var change = more ? draw.Pick(["gets", "buys", "finds"]) : draw.Pick(["loses", "gives away", "sells"]);
            var noun = result == 1 ? what.En : what.Plural;
            return draw.Ask(["{0} has {1} {2}. {0} {3} {4}" + (more ? " more" : "") + ". How many {2} does {0} have now?",
                    "How many {2} does {0} have now?|{0} has {1} {2} and {3} {4}" + (more ? " more." : ".")],
                $"{a} {sign} {b} = {result}. {who.En} has {result} {noun}.", who.En, a, what.Plural, change, b);
        }
        return draw.Ask(["{0}有{1}{2}{3}，" + (more ? "又买了" : "送走了") + "{4}{2}。{0}现在有几{2}{3}？"],
            $"{a} {sign} {b} = {result}。{who.Zh}有{result}{what.Measure}{what.Zh}。", who.Zh, a, what.Measure, what.Zh, b);
    }
}
