namespace LoraAspire.Grammar;

/// <summary>A countable thing in both languages; <paramref name="Measure"/> is the Chinese measure word.</summary>
internal sealed record Noun(string En, string Plural, string Zh, string Measure)
{
    public string WithArticle => ("aeiou".Contains(En[0]) ? "an " : "a ") + En;
}

/// <summary>Whoever a sentence is about. <paramref name="Be"/> is am, is or are.</summary>
internal sealed record Subject(string En, string Zh, string Be)
{
    public bool ThirdSingular => Be == "is";
    /// <summary>As it stands inside a sentence: only names and I keep their capital.</summary>
    public string Inside => En is "You" or "He" or "She" or "We" or "They" or "The teacher" or "My mother" or "My friend" or "My father"
        or "My sister" ? char.ToLowerInvariant(En[0]) + En[1..] : En;
}

/// <summary>Something one does, with its third person and its Chinese.</summary>
internal sealed record Action(string En, string Third, string Zh);

internal sealed record Pair(string En, string Zh);

/// <summary>Two words that are each other's opposite, in both languages.</summary>
internal sealed record Opposite(string En, string EnOther, string Zh, string ZhOther);

/// <summary>The closed vocabulary. Tables are written one entry a line (or a semicolon), fields apart by blanks or commas.</summary>
internal static class Lexicon
{
    public static readonly Noun[] Animals = Nouns("""
        cat cats 猫 只; dog dogs 狗 只; bird birds 鸟 只; fish fish 鱼 条; horse horses 马 匹; cow cows 牛 头; sheep sheep 羊 只
        pig pigs 猪 头; duck ducks 鸭子 只; rabbit rabbits 兔子 只
        lion lions 狮子 头; tiger tigers 老虎 只; bear bears 熊 只; monkey monkeys 猴子 只; elephant elephants 大象 头; mouse mice 老鼠 只
        frog frogs 青蛙 只; snake snakes 蛇 条; bee bees 蜜蜂 只; chicken chickens 鸡 只
        """);
    public static readonly Noun[] Fruits = Nouns("""
        apple apples 苹果 个; banana bananas 香蕉 根; orange oranges 橙子 个; pear pears 梨 个; lemon lemons 柠檬 个; peach peaches 桃子 个
        grape grapes 葡萄 颗; melon melons 西瓜 个; cherry cherries 樱桃 颗; strawberry strawberries 草莓 颗
        """);
    public static readonly Noun[] Things = Nouns("""
        book books 书 本; pen pens 笔 支; cup cups 杯子 个; ball balls 球 个; key keys 钥匙 把; hat hats 帽子 顶; bag bags 包 个
        box boxes 盒子 个; phone phones 手机 部; watch watches 手表 块
        lamp lamps 灯 盏; picture pictures 画 幅; letter letters 信 封; knife knives 刀 把; umbrella umbrellas 雨伞 把; coat coats 大衣 件
        toy toys 玩具 个; flower flowers 花 朵; stone stones 石头 块; coin coins 硬币 枚
        """);
    public static readonly Noun[] Vehicles = Nouns("car cars 汽车 辆; bus buses 公共汽车 辆; bike bikes 自行车 辆; train trains 火车 列; boat boats 船 "
        + "条; plane planes 飞机 架; truck trucks 卡车 辆; ship ships 轮船 艘");
    public static readonly Noun[] Furniture = Nouns("table tables 桌子 张; chair chairs 椅子 把; bed beds 床 张; desk desks 书桌 张; door doors 门 "
        + "扇; window windows 窗户 扇; sofa sofas 沙发 张; shelf shelves 架子 个");
    public static readonly Noun[] Places = Nouns("garden gardens 花园 个; kitchen kitchens 厨房 个; school schools 学校 所; park parks 公园 个; room "
        + "rooms 房间 个; house houses 房子 座; shop shops 商店 家; library libraries 图书馆 座; office offices 办公室 间; hospital hospitals 医院 家");
    public static readonly Noun[] Jobs = Nouns("teacher teachers 老师 名; doctor doctors 医生 名; student students 学生 名; farmer farmers 农民 名; "
        + "driver drivers 司机 名; cook cooks 厨师 名; singer singers 歌手 名; writer writers 作家 名; nurse nurses 护士 名; worker workers 工人 名");

    public static readonly Noun[] Countable = [.. Animals, .. Fruits, .. Things, .. Vehicles, .. Furniture];
    public static readonly Noun[] Movable = [.. Animals.Take(10), .. Fruits, .. Things];
    public static readonly Noun[] AllNouns = [.. Countable, .. Places, .. Jobs];

    /// <summary>Kinds of thing, for naming one, for listing and for the odd one out.</summary>
    public static readonly (Pair Name, string Plural, Noun[] Members)[] Kinds =
    [
        (new("animal", "动物"), "animals", Animals), (new("fruit", "水果"), "fruits", Fruits), (new("vehicle", "交通工具"), "vehicles", Vehicles),
        (new("job", "职业"), "jobs", Jobs), (new("place", "地方"), "places", Places), (new("piece of furniture", "家具"), "pieces of furniture",
            Furniture),
    ];

    public static readonly Pair[] Colours =
        Pairs("red 红色; blue 蓝色; green 绿色; yellow 黄色; white 白色; black 黑色; orange 橙色; brown 棕色; pink 粉色; purple 紫色; grey 灰色");

    /// <summary>Things of one well-known colour: English name (a mass word keeps no article), Chinese, colour in both.</summary>
    public static readonly (string En, string Zh, string Colour, string ZhColour)[] Coloured = [.. Rows("""
        the_sky 天空 blue 蓝色; grass 草 green 绿色; snow 雪 white 白色; a_banana 香蕉 yellow 黄色; a_lemon 柠檬 yellow 黄色; blood 血 red 红色
        a_tomato 西红柿 red 红色; coal 煤 black 黑色; milk 牛奶 white 白色
        a_frog 青蛙 green 绿色; the_sea 大海 blue 蓝色; chocolate 巧克力 brown 棕色; a_carrot 胡萝卜 orange 橙色; a_leaf 叶子 green 绿色
        a_polar_bear 北极熊 white 白色; an_elephant 大象 grey 灰色; a_strawberry 草莓 red 红色
        the_sun 太阳 yellow 黄色; rice 米饭 white 白色; a_cucumber 黄瓜 green 绿色; salt 盐 white 白色; the_night 夜晚 black 黑色
        an_orange 橙子 orange 橙色; a_pig 猪 pink 粉色
        """).Select(row => (row[0].Replace('_', ' '), row[1], row[2], row[3]))];

    public static readonly Opposite[] Opposites = [.. Rows("""
        big small 大 小; hot cold 热 冷; tall short 高 矮; long short 长 短; fast slow 快 慢; old young 老 年轻; happy sad 高兴 难过
        good bad 好 坏; new old 新 旧; open closed 开 关; light dark 亮 暗; heavy light 重 轻
        rich poor 富 穷; strong weak 强 弱; clean dirty 干净 脏; full empty 满 空; early late 早 晚; easy difficult 容易 困难; near far 近 远
        high low 高 低; wet dry 湿 干; hard soft 硬 软; loud quiet 吵 安静
        up down 上 下; left right 左 右; day night 白天 黑夜; black white 黑 白; inside outside 里面 外面; front back 前 后
        beautiful ugly 美 丑; thick thin 厚 薄; wide narrow 宽 窄; sweet bitter 甜 苦; cheap expensive 便宜 贵
        true false 真 假; first last 第一 最后; many few 多 少; begin end 开始 结束; buy sell 买 卖; come go 来 去; push pull 推 拉
        win lose 赢 输; love hate 爱 恨; remember forget 记得 忘记; laugh cry 笑 哭
        """).Select(row => new Opposite(row[0], row[1], row[2], row[3]))];

    public static readonly Subject[] Subjects = [.. Rows("""
        I 我 am; You 你 are; He 他 is; She 她 is; We 我们 are; They 他们 are; Tom 汤姆 is; Anna 安娜 is; Jack 杰克 is; Lucy 露西 is
        Mike 迈克 is; Mary 玛丽 is; Li_Ming 李明 is; Wang_Fang 王芳 is
        My_mother 我妈妈 is; My_father 我爸爸 is; My_sister 我姐姐 is; My_friend 我的朋友 is; The_teacher 老师 is; Ben 本 is; Emma 艾玛 is
        Peter 彼得 is
        """).Select(row => new Subject(row[0].Replace('_', ' '), row[1], row[2]))];

    /// <summary>People with a given name.</summary>
    public static readonly Subject[] Named = [.. Subjects.Where(subject => subject.Be == "is" && subject.Inside == subject.En)];

    public static readonly Action[] Actions = [.. Rows("""
        drink_tea drinks_tea 喝茶; drink_water drinks_water 喝水; read_books reads_books 看书; play_football plays_football 踢足球
        sing_songs sings_songs 唱歌; go_to_school goes_to_school 去学校; eat_rice eats_rice 吃米饭
        watch_TV watches_TV 看电视; write_letters writes_letters 写信; learn_Chinese learns_Chinese 学中文
        learn_English learns_English 学英语; cook_dinner cooks_dinner 做晚饭; walk_in_the_park walks_in_the_park 在公园散步
        ride_a_bike rides_a_bike 骑自行车; play_the_piano plays_the_piano 弹钢琴; go_home goes_home 回家; buy_fruit buys_fruit 买水果
        listen_to_music listens_to_music 听音乐; clean_the_room cleans_the_room 打扫房间
        swim_in_the_river swims_in_the_river 在河里游泳; get_up_early gets_up_early 早起; draw_pictures draws_pictures 画画
        open_the_window opens_the_window 打开窗户; close_the_door closes_the_door 关上门; run run 跑步; dance dances 跳舞; work works 工作
        sleep sleeps 睡觉
        """).Select(row => new Action(row[0].Replace('_', ' '), (row[1] == "run" ? "runs" : row[1]).Replace('_', ' '), row[2]))];

    public static readonly Pair[] Adjectives =
        Pairs("big 大; small 小; new 新; old 旧; beautiful 漂亮; clean 干净; dirty 脏; heavy 重; light 轻; cheap 便宜; expensive 贵; nice 好");
    public static readonly Pair[] Feelings = Pairs(
        "happy 高兴; sad 难过; tired 累; busy 忙; hungry 饿; thirsty 渴; cold 冷; angry 生气; sick 不舒服; healthy 健康; young 年轻; tall 高; clever 聪明");
    public static readonly Pair[] Foods = Pairs("tea 茶; coffee 咖啡; milk 牛奶; water 水; rice 米饭; bread 面包; meat 肉; soup 汤; cake 蛋糕; cheese "
        + "奶酪; juice 果汁; noodles 面条; vegetables 蔬菜; chocolate 巧克力; sugar 糖; fruit 水果");
    public static readonly Pair[] Times =
        Pairs("today 今天; tomorrow 明天; now 现在; tonight 今晚; next_week 下周; this_afternoon 今天下午; this_morning 今天早上");
    public static readonly Pair[] Days =
        Pairs("Monday 星期一; Tuesday 星期二; Wednesday 星期三; Thursday 星期四; Friday 星期五; Saturday 星期六; Sunday 星期日");
    public static readonly Pair[] Months = Pairs("January 一月; February 二月; March 三月; April 四月; May 五月; June 六月; July 七月; August 八月; "
        + "September 九月; October 十月; November 十一月; December 十二月");
    public static readonly Pair[] Seasons = Pairs("spring 春天; summer 夏天; autumn 秋天; winter 冬天");
    public static readonly string[] Numbers = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"];
    public static readonly string[] ZhNumbers =
        ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二", "十三", "十四", "十五", "十六", "十七", "十八", "十九", "二十"];

    /// <summary>Country, its capital, both again in Chinese.</summary>
    public static readonly string[][] Capitals = [.. Rows("""
        China Beijing 中国 北京; France Paris 法国 巴黎; Japan Tokyo 日本 东京; Germany Berlin 德国 柏林; England London 英国 伦敦
        Italy Rome 意大利 罗马; Spain Madrid 西班牙 马德里; Russia Moscow 俄罗斯 莫斯科; Egypt Cairo 埃及 开罗; Greece Athens 希腊 雅典
        Korea Seoul 韩国 首尔; Thailand Bangkok 泰国 曼谷
        """)];

    /// <summary>Animal, what it says, eats, where it lives, how many legs; then the same in Chinese.</summary>
    public static readonly string[][] AnimalFacts = [.. Rows("""
        cat meow fish in_a_house 4 猫 喵喵 鱼 家里; dog woof meat in_a_house 4 狗 汪汪 肉 家里; cow moo grass on_a_farm 4 牛 哞哞 草 农场
        duck quack plants on_a_lake 2 鸭子 嘎嘎 水草 湖上; sheep baa grass on_a_farm 4 羊 咩咩 草 农场
        bird tweet seeds in_a_tree 2 鸟 叽叽 种子 树上; lion roar meat in_Africa 4 狮子 吼吼 肉 非洲
        frog croak insects in_a_pond 4 青蛙 呱呱 虫子 池塘里; pig oink corn on_a_farm 4 猪 哼哼 玉米 农场
        bee buzz honey in_a_hive 6 蜜蜂 嗡嗡 花蜜 蜂房里; horse neigh grass on_a_farm 4 马 咴咴 草 农场
        """).Select(row => row.Select(field => field.Replace('_', ' ')).ToArray())];

    /// <summary>Verb, its past, its -ing form.</summary>
    public static readonly string[][] Verbs = [.. Rows("""
        go went going; eat ate eating; see saw seeing; run ran running; walk walked walking; play played playing
        sing sang singing; write wrote writing; read read reading; drink drank drinking; buy bought buying; come came coming
        take took taking
        give gave giving; swim swam swimming; sleep slept sleeping; think thought thinking; make made making
        look looked looking; help helped helping; open opened opening; work worked working; jump jumped jumping
        cook cooked cooking; talk talked talking
        """)];

    /// <summary>Adjective, comparative, superlative.</summary>
    public static readonly string[][] Degrees = [.. Rows(
        "big bigger biggest; small smaller smallest; fast faster fastest; old older oldest; tall taller tallest; long longer longest; "
            + "good better best; bad worse worst; happy happier happiest; hot hotter hottest; cold colder coldest; easy easier easiest; "
            + "strong stronger strongest; rich richer richest")];

    /// <summary>A number of things in Chinese: 两 before a measure word.</summary>
    public static string CountInChinese(int count) => count == 2 ? "两" : ZhNumbers[count];

    private static IEnumerable<string[]> Rows(string table) =>
        table.Split([';', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(row => row.Split(' '));

    private static Noun[] Nouns(string table) => [.. Rows(table).Select(row => new Noun(row[0], row[1], row[2], row[3]))];

    private static Pair[] Pairs(string table) => [.. Rows(table).Select(row => new Pair(row[0].Replace('_', ' '), row[1]))];
}
